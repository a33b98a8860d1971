import { defineCommand } from "citty";
import { systemCleanup } from "../../../client/system.ts";
import { flag, text } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { cleanupDocument, cleanupText } from "../views/system.ts";

export const command = defineCommand({
  meta: { name: "cleanup", description: "Clean up all resources associated with the specified machine" },
  args: {
    machine: {
      type: "positional",
      required: false,
      description: "Machine that is gone",
      valueHint: "Machine to cleanup",
    },
    verbose: { type: "boolean", alias: "v", description: "Show the pools and how many handles were revoked" },
  },
  run: ({ args }) =>
    runDmg(args, { failure: "system cleanup failed" }, async (session) => {
      const results = await systemCleanup(await session.client(), text(args, "machine") ?? "");
      const problems = results.filter(({ status }) => status !== 0).map(({ msg }) => `${msg}\n`);
      return {
        response: cleanupDocument(results),
        text: cleanupText(results, flag(args, "verbose")),
        warnings: problems.join(""),
        error: session.json || problems.length === 0 ? undefined : new Error(problems.join("").trimEnd()),
      };
    }),
});
