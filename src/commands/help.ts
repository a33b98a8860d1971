import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "help", description: "Show the help or the manual page of a command" },
  args: {
    command: {
      type: "positional",
      required: false,
      description: "Words of the command: dmg pool create; none for daosctl itself",
      valueHint: "command...",
    },
    man: {
      type: "boolean",
      description: "Write a manual page in man's own language: daosctl help --man dmg | man -l -",
    },
  },
  async run({ args }) {
    const [{ resolveCommand }, { findCommand }, { programTree }] = await Promise.all([
      import("../cli/command.ts"),
      import("../cli/find.ts"),
      import("../cli/programs.ts"),
    ]);
    const place = await findCommand(await resolveCommand(await programTree("daosctl")), args._);
    const { program, path, chain } = asCalled(place);
    if (args.man) {
      const { renderManPage } = await import("../cli/man.ts");
      console.log((await renderManPage(program, path, chain)).trimEnd());
      return;
    }
    const { renderHelp } = await import("../cli/help.ts");
    console.log((await renderHelp(program, path, chain)).trimEnd());
  },
});

/** daosctl has no flags of its own: pages name the program with it, and its tree begins there. */
function asCalled<C>(place: { path: readonly string[]; chain: readonly C[] }) {
  const [program, ...path] = place.path;
  if (program === undefined) return { program: "daosctl", path, chain: place.chain };
  return { program: `daosctl ${program}`, path, chain: place.chain.slice(1) };
}
