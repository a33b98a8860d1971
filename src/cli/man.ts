/** Manual pages in the man(7) language, from the same definitions as everything else. */
import { DAOS_VERSION, daosctlVersion } from "../version.ts";
import type { ResolvedCommand } from "./command.ts";
import { type Entry, type Page, pageOf, walk } from "./page.ts";

/** The manual page of the last command of `chain` and of all commands below it, for section 8. */
export async function renderManPage(
  program: string,
  path: readonly string[],
  chain: readonly ResolvedCommand[],
): Promise<string> {
  const whole = await pageOf(program, path, chain);
  const title = whole.name.replaceAll(" ", "-");
  const lines = [
    `.TH ${quoted(title.toUpperCase())} 8 "" ${quoted(`daosctl ${daosctlVersion}`)} ${quoted(`DAOS ${DAOS_VERSION}`)}`,
    ".SH NAME",
    `${escaped(title)} \\- ${escaped(whole.description)}`,
    ".SH SYNOPSIS",
    `.B ${quoted(whole.name)}`,
    escaped(whole.usage),
    ...entries("ARGUMENTS", whole.positionals),
    ...entries("OPTIONS", [...whole.flags, ...whole.globalFlags]),
  ];
  const below = (await walk(path, chain)).slice(1);
  if (below.length > 0) lines.push(".SH COMMANDS");
  for (const place of below) lines.push(...subsection(await pageOf(program, place.path, place.chain)));
  return `${lines.join("\n")}\n`;
}

function subsection(page: Page): string[] {
  return [
    `.SS ${quoted(page.name)}`,
    ...(page.description === "" ? [] : [escaped(page.description)]),
    ".PP",
    `.B ${quoted(page.name)}`,
    escaped(page.usage),
    ...[...page.positionals, ...page.flags].flatMap(entry),
  ];
}

function entries(title: string, list: readonly Entry[]): string[] {
  return list.length === 0 ? [] : [`.SH ${title}`, ...list.flatMap(entry)];
}

function entry({ label, text }: Entry): string[] {
  return [".TP", `.B ${quoted(label.trim())}`, escaped(text === "" ? " " : text)];
}

/** Text of a line: nothing in it is a request or an escape; hyphens are those one types. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&");
}

/** One argument of a request. */
function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '""')}"`;
}
