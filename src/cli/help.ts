import type { ResolvedCommand } from "./command.ts";
import { type Entry, pageOf } from "./page.ts";

/** The help page of the last command of `chain`. */
export async function renderHelp(
  program: string,
  path: readonly string[],
  chain: readonly ResolvedCommand[],
): Promise<string> {
  const page = await pageOf(program, path, chain);
  const commands = page.commands.map(({ label, text, aliases }) => ({
    label,
    text: `${text}${aliases.length > 0 ? ` (alias: ${aliases.join(", ")})` : ""}`,
  }));
  const parts = [
    page.description,
    `Usage:\n  ${page.name} ${page.usage}`,
    ...section("Commands", commands),
    ...section("Arguments", page.positionals),
    ...section("Flags", page.flags),
    ...section("Global flags", page.globalFlags),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function section(title: string, entries: readonly Entry[]): string[] {
  if (entries.length === 0) return [];
  const width = Math.min(34, Math.max(...entries.map(({ label }) => label.length)));
  const lines = entries.map(({ label, text }) => `  ${label.padEnd(width)}  ${text}`.trimEnd());
  return [`${title}:\n${lines.join("\n")}`];
}
