/** Reference pages of docs/commands, from the same definitions as the help. */
import { type Entry, type PlacedCommand, pageOf } from "./page.ts";

/** One page: `title`, then each command with all it takes. The flags of the first one's parents come last. */
export async function renderMarkdown(
  title: string,
  program: string,
  places: readonly PlacedCommand[],
): Promise<string> {
  const parts = [`# ${title}`];
  for (const [index, { path, chain }] of places.entries()) {
    const page = await pageOf(program, path, chain);
    if (index > 0) parts.push(`## ${page.name}`);
    if (page.description !== "") parts.push(cell(page.description));
    parts.push(`\`\`\`\n${page.name} ${page.usage}\n\`\`\``);
    const aliased = page.commands.map(({ label, text, aliases }) => ({
      label,
      text: aliases.length > 0 ? `${text} (alias: ${aliases.join(", ")})` : text,
    }));
    parts.push(
      ...table("Command", aliased),
      ...table("Argument", page.positionals),
      ...table("Flag", page.flags),
    );
  }
  const [first] = places;
  if (first !== undefined) {
    const { globalFlags } = await pageOf(program, first.path, first.chain);
    parts.push("## Everywhere", ...table("Flag", globalFlags));
  }
  return `${parts.join("\n\n")}\n`;
}

function table(title: string, entries: readonly Entry[]): string[] {
  if (entries.length === 0) return [];
  const rows = entries.map(
    ({ label, text }) => `| \`${label.trim().replaceAll("|", "\\|")}\` | ${cell(text)} |`,
  );
  return [`| ${title} | |\n|---|---|\n${rows.join("\n")}`];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
