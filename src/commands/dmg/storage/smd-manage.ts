import { hostErrorsSummary } from "../../../client/host-results.ts";
import { foldHosts } from "../../../client/hostset.ts";
import { type SmdAnswer, type SmdOperation, smdManage } from "../../../client/smd.ts";
import { pluralWord } from "../../../client/words.ts";
import type { Arguments } from "../arguments.ts";
import { runDmg, type Session } from "../session.ts";
import { hostErrorsText } from "../views/common.ts";
import { smdDocument, smdText } from "../views/smd-info.ts";

/** Devices whose LED is meant. */
export const ledIds = {
  ids: {
    type: "positional",
    required: false,
    description: "PCI addresses or UUIDs of devices, comma-separated; all of them when none is named",
    valueHint: "ids",
  },
} as const;

/** The body of commands that do something to devices. */
export function smdManageCommand(
  args: Arguments,
  operationOf: (session: Session) => Promise<SmdOperation>,
): Promise<void> {
  return runDmg(args, { hosts: true, ownTimeout: true }, async (session) => {
    const operation = await operationOf(session);
    const answer = await smdManage(await session.client(), operation);
    return {
      response: smdDocument(answer),
      ...(operation.kind.startsWith("led-") ? ledTexts(answer) : changeTexts(answer, operation)),
      error: hostErrorsSummary(answer.errors),
    };
  });
}

function ledTexts(answer: SmdAnswer): { text: string; warnings: string } {
  const view = { devices: true, pools: false, verbose: false, ledOnly: true };
  return { text: smdText(answer.groups, view), warnings: hostErrorsText(answer.errors) };
}

function changeTexts(answer: SmdAnswer, { kind }: SmdOperation): { text: string; warnings: string } {
  const failures = [...answer.errors].map(
    ([text, { hosts }]) => `${kind} operation failed on ${foldHosts(hosts)}: ${text}\n`,
  );
  if (failures.length > 0) return { text: "", warnings: failures.join("") };
  const hosts = answer.groups.flatMap((group) => group.hosts);
  return {
    text: `${kind} operation performed successfully on the following ${pluralWord(hosts.length, "host")}: ${foldHosts(hosts)}`,
    warnings: "",
  };
}
