import { defineCommand } from "citty";
import { checkStart } from "../../../client/check.ts";
import { CheckFlag } from "../../../gen/chk/chk_pb.ts";
import { type Arguments, flag, text } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { parsePolicies } from "./policies.ts";
import { poolArgs, poolIds } from "./pools.ts";

export const command = defineCommand({
  meta: { name: "start", description: "Start a system check" },
  args: {
    ...poolArgs,
    "dry-run": { type: "boolean", alias: "n", description: "Scan only; do not initiate repairs." },
    reset: { type: "boolean", alias: "r", description: "Reset the system check state." },
    failout: { type: "enum", alias: "f", options: ["on", "off"], description: "Stop on failure." },
    auto: {
      type: "enum",
      alias: "a",
      options: ["on", "off"],
      description: "Attempt to automatically repair problems.",
    },
    "find-orphans": { type: "boolean", alias: "O", description: "Find orphaned pools." },
    policies: {
      type: "string",
      alias: "p",
      description: "Set repair policies.",
      valueHint: "class:action[,class:action...]",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const policies = text(args, "policies");
      await checkStart(await session.client(), {
        pools: poolIds(args),
        flags: startFlags(args),
        policies: policies === undefined ? [] : parsePolicies(policies),
      });
      return { text: "system checker started" };
    }),
});

function startFlags(args: Arguments): number {
  return (
    (flag(args, "dry-run") ? CheckFlag.CF_DRYRUN : 0) |
    (flag(args, "reset") ? CheckFlag.CF_RESET : 0) |
    (flag(args, "find-orphans") ? CheckFlag.CF_ORPHAN_POOL : 0) |
    onOrOff(text(args, "failout"), CheckFlag.CF_FAILOUT, CheckFlag.CF_NO_FAILOUT) |
    onOrOff(text(args, "auto"), CheckFlag.CF_AUTO, CheckFlag.CF_NO_AUTO)
  );
}

/** Without a word the setting of the last check stays. */
function onOrOff(word: string | undefined, on: CheckFlag, off: CheckFlag): number {
  return word === undefined ? 0 : word === "on" ? on : off;
}
