import { defineCommand } from "citty";
import { type CheckPolicy, checkClasses, setCheckPolicies } from "../../../client/check.ts";
import { CheckInconsistAction } from "../../../gen/chk/chk_pb.ts";
import { type Arguments, flag, text } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { parsePolicies } from "./policies.ts";

export const command = defineCommand({
  meta: { name: "set-policy", description: "Set system checker policies" },
  args: {
    policies: {
      type: "positional",
      required: false,
      description: "Repair policies (required unless all are set at once)",
      valueHint: "class:action[,class:action...]",
    },
    "reset-defaults": {
      type: "boolean",
      alias: "d",
      description: "Set all policies to their default action.",
    },
    "all-interactive": { type: "boolean", alias: "a", description: "Set all policies to interactive." },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const policies = wantedPolicies(args);
      await setCheckPolicies(await session.client(), policies);
      return { text: "system checker policies updated" };
    }),
});

function wantedPolicies(args: Arguments): CheckPolicy[] {
  const list = text(args, "policies");
  const named = list === undefined ? [] : parsePolicies(list);
  const reset = flag(args, "reset-defaults");
  const interactive = flag(args, "all-interactive");
  if (!reset && !interactive) {
    if (named.length === 0) throw new Error("no policies specified");
    return named;
  }
  if (named.length > 0) {
    throw new Error("cannot specify policy list and AllInteractive or ResetToDefaults");
  }
  const action = reset ? CheckInconsistAction.CIA_DEFAULT : CheckInconsistAction.CIA_INTERACT;
  return checkClasses.map((value) => ({ class: value, action }));
}
