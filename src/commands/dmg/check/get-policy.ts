import { defineCommand } from "citty";
import { getCheckPolicies } from "../../../client/check.ts";
import { flag, text } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { policiesDocument, policiesText } from "../views/check.ts";
import { parseClasses } from "./policies.ts";

export const command = defineCommand({
  meta: { name: "get-policy", description: "Get system checker policies" },
  args: {
    classes: {
      type: "positional",
      required: false,
      description: "Inconsistency class names; all of them when none is named",
      valueHint: "class[,class...]",
    },
    last: { type: "boolean", alias: "L", description: "Fetch the last policy used by the checker." },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const classes = parseClasses(text(args, "classes"));
      const answer = await getCheckPolicies(await session.client(), { classes, last: flag(args, "last") });
      return { response: policiesDocument(answer), text: policiesText(answer) };
    }),
});
