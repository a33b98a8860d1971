/**
 * `bun scripts/docs.ts`: writes docs/commands from the definitions of the commands, one page a command
 * family. A test holds the pages to them.
 */
import fs from "node:fs";
import path from "node:path";
import { resolveCommand } from "../src/cli/command.ts";
import { renderMarkdown } from "../src/cli/markdown.ts";
import { type PlacedCommand, visibleCommands, walk } from "../src/cli/page.ts";
import { programs } from "../src/cli/programs.ts";

/** Programs whose families of commands have a page each. */
const large = ["dmg"];

/** Pages by file name, and the list of them. */
export async function commandPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  const index: string[] = [];
  const add = async (file: string, program: string, places: readonly PlacedCommand[]): Promise<void> => {
    const { path: words, chain } = places[0]!;
    const title = [program, ...words].join(" ");
    pages.set(file, await renderMarkdown(title, program, places));
    index.push(`- [${title}](${file}): ${chain[chain.length - 1]!.meta.description ?? ""}`);
  };
  for (const [name, { link, load }] of Object.entries(programs)) {
    const root = await resolveCommand(await load());
    const program = link ?? `daosctl ${name}`;
    const file = (words: readonly string[]) => `${[link ?? name, ...words].join("-")}.md`;
    if (!large.includes(name)) {
      await add(file([]), program, await walk([], [root]));
      continue;
    }
    const families = await visibleCommands(root);
    const small = families.filter(({ command }) => Object.keys(command.subCommands).length === 0);
    const own = small.map(({ name, command }) => ({ path: [name], chain: [root, command] }));
    await add(file([]), program, [{ path: [], chain: [root] }, ...own]);
    for (const family of families) {
      if (small.includes(family)) continue;
      await add(file([family.name]), program, await walk([family.name], [root, family.command]));
    }
  }
  const intro =
    "Every command with all it takes. Written by `npm run docs` from the definitions that the programs' help, " +
    "manual pages and completion are made of.\n\n`dmg`, `daos_server` and `daos_agent` are also " +
    "`daosctl dmg`, `daosctl server` and `daosctl agent`.";
  pages.set("README.md", `# Commands\n\n${intro}\n\n${index.join("\n")}\n`);
  return pages;
}

if (import.meta.main) {
  const folder = path.resolve(import.meta.dirname, "..", "docs", "commands");
  const pages = await commandPages();
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  for (const [file, text] of pages) fs.writeFileSync(path.join(folder, file), text);
}
