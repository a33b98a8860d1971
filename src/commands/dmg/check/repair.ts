import { defineCommand } from "citty";
import { checkQuery, checkRepair, isInteractive, repairChoices, resolution } from "../../../client/check.ts";
import { flag, required, text } from "../arguments.ts";
import { runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "repair", description: "Repair a reported system check problem" },
  args: {
    "seq-num": {
      type: "positional",
      description: "ID of the finding, as check query shows it",
      valueHint: "seq-num",
    },
    action: { type: "positional", description: "Number of the repair option", valueHint: "action" },
    "for-all": {
      type: "boolean",
      alias: "f",
      description: "Take the same action for all inconsistencies with the same class.",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const sequence = parseSequence(required(text(args, "seq-num"), "seq-num"));
      const chosen = Number(required(text(args, "action"), "action"));
      const client = await session.client();
      const shown = `0x${sequence.toString(16)}`;
      const [report] = (await checkQuery(client, { sequences: [sequence] })).reports;
      if (report === undefined) throw new Error(`no report found for seq ${shown}`);
      if (!isInteractive(report)) {
        throw new Error(`finding ${shown} is already resolved: ${resolution(report)}`);
      }
      const choice = repairChoices(report)[chosen];
      if (choice === undefined) throw new Error(`invalid action ${chosen} for seq ${shown}`);
      await checkRepair(client, { sequence, action: choice.action, forAll: flag(args, "for-all") });
      return { text: "Repair request sent" };
    }),
});

/** Decimal, or hexadecimal with 0x in front. */
function parseSequence(value: string): bigint {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(value)) throw new Error(`invalid sequence number "${value}"`);
  return BigInt(value);
}
