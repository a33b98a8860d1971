import { writeFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { text } from "./arguments.ts";

/** As in 2.6 not shown in the help: packagers know it. */
export const command = defineCommand({
  meta: { name: "manpage", description: "Write the manual page of dmg", hidden: true },
  args: {
    output: {
      type: "string",
      alias: "o",
      description: "File to write (default: standard output)",
      valueHint: "path",
    },
  },
  async run({ args }) {
    const [{ resolveCommand }, { renderManPage }, { command: root }] = await Promise.all([
      import("../../cli/command.ts"),
      import("../../cli/man.ts"),
      import("./index.ts"),
    ]);
    const page = await renderManPage("dmg", [], [await resolveCommand(root)]);
    const file = text(args, "output");
    if (file === undefined) console.log(page.trimEnd());
    else await writeFile(file, page);
  },
});
