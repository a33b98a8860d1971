import { isatty } from "node:tty";

/** Columns of text, aligned, with a line of dashes under the titles: the form of every 2.6 table. */

export type Row = Readonly<Record<string, string>>;

export interface TableOptions {
  /** Cut the last column so that no line is wider than this. Default: the terminal's width, if any. */
  readonly width?: number | undefined;
  /** Spaces in front of every line. */
  readonly indent?: number;
  /** Columns by which the caller will move the table to the right: it has that much less room. */
  readonly margin?: number;
}

/**
 * `rows` under `titles`, each cell padded to its column, a space between (2.6: text/tabwriter). A field a
 * row lacks shows as "None". Lines end with "\n"; where there is a width, without spaces before it, since a
 * terminal goes on to another line after one that fills it.
 */
export function formatTable(
  titles: readonly string[],
  rows: readonly Row[],
  options: TableOptions = {},
): string {
  const indent = " ".repeat(options.indent ?? 0);
  const cells = [
    titles,
    titles.map((title) => "-".repeat(title.length)),
    ...rows.map((row) => titles.map((title) => row[title] ?? "None")),
  ];
  const widths = titles.map((_, column) => Math.max(...cells.map((line) => textWidth(line[column]!))));
  const room = options.width ?? terminalWidth();
  const limit = room === undefined ? undefined : room - (options.margin ?? 0);
  return cells
    .map((line) => {
      const text =
        indent + line.map((cell, column) => cell + pad(widths[column]! - textWidth(cell))).join(" ");
      return `${cut(`${text} `, limit)}\n`;
    })
    .join("");
}

/** Name and value pairs under a title with dashes: the form of one thing's details. Lines end with "\n". */
export function formatEntity(title: string, fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  const head = title === "" ? "" : `${title}\n${"-".repeat(title.length)}\n`;
  return head + fields.map(([name, value]) => `  ${name.padEnd(width)}: ${value}\n`).join("");
}

/** Three lines: dashes, `title`, dashes. */
export function banner(title: string): string {
  const line = "-".repeat(title.length);
  return `${line}\n${title}\n${line}\n`;
}

/** `text` with every non-empty line moved to the right. */
export function indentLines(text: string, count = 2): string {
  const spaces = " ".repeat(count);
  return text.replace(/^(?=.)/gm, spaces);
}

/** Columns of the terminal on stdout; undefined when stdout is no terminal, so files get whole lines. */
export function terminalWidth(): number | undefined {
  // process.stdout is costly to make (12 ms); ask the descriptor first.
  return isatty(1) ? process.stdout.columns : undefined;
}

function textWidth(text: string): number {
  return [...text].length;
}

function pad(count: number): string {
  return " ".repeat(Math.max(0, count));
}

function cut(line: string, limit: number | undefined): string {
  if (limit === undefined) return line;
  const bare = line.trimEnd();
  if (limit < 20 || textWidth(bare) <= limit) return bare;
  return `${[...bare]
    .slice(0, limit - 1)
    .join("")
    .trimEnd()}…`;
}
