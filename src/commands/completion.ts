import { defineCommand } from "citty";
import { UsageError } from "../cli/usage-error.ts";

export const command = defineCommand({
  meta: { name: "completion", description: "Print a script that completes command lines in a shell" },
  args: {
    shell: {
      type: "positional",
      description: "bash: source <(daosctl completion bash); fish: daosctl completion fish | source",
      valueHint: "bash|zsh|fish",
    },
  },
  async run({ args }) {
    const { completionScripts } = await import("../cli/completion-scripts.ts");
    const shell = args.shell ?? "";
    const script = Object.hasOwn(completionScripts, shell) ? completionScripts[shell] : undefined;
    if (script === undefined) {
      throw new UsageError(
        `no completion for "${shell}"; there is ${Object.keys(completionScripts).join(", ")}`,
      );
    }
    console.log(script.trimEnd());
  },
});
