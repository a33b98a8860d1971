/** `--watch`: the same question again and again, its answer always on the screen. Beyond 2.6. */
import { setTimeout as pause } from "node:timers/promises";
import { isatty } from "node:tty";
import type { DmgClient } from "../../client/context.ts";
import { errorText } from "../../faults/fault.ts";
import type { Outcome, Session } from "./session.ts";

export interface Frame {
  readonly text: string;
  /** Nothing will change any more: the watch ends. */
  readonly done?: boolean;
}

export interface WatchOptions {
  readonly intervalMs?: number;
  /** Whether to draw over the last frame (default: is standard output a terminal). Otherwise changes follow each other. */
  readonly redraw?: boolean;
  /** Of the terminal that is drawn on. */
  readonly size?: TerminalSize;
}

type TerminalSize = () => { readonly columns: number; readonly rows: number };

const terminalSize: TerminalSize = () => ({
  columns: process.stdout.columns || 80,
  rows: process.stdout.rows || 24,
});

/**
 * Shows what `read` gives until it is done or Ctrl-C. Only its first failure ends the watch: servers may
 * restart while somebody watches, which is when watching is of use.
 */
export async function watch(
  session: Pick<Session, "say" | "signal">,
  read: () => Promise<Frame>,
  { intervalMs = 1000, redraw = isatty(1), size = terminalSize }: WatchOptions = {},
): Promise<void> {
  const draw = redraw ? redrawing(session, size) : appending(session);
  let first = true;
  while (!session.signal.aborted) {
    let frame: Frame;
    try {
      frame = await read();
    } catch (error) {
      if (session.signal.aborted) return;
      if (first) throw error;
      frame = { text: `ERROR: ${errorText(error)}` };
    }
    first = false;
    draw(frame.text.trimEnd());
    if (frame.done) return;
    await pause(intervalMs, undefined, { signal: session.signal }).catch(() => undefined);
  }
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}

/**
 * Each frame over the one before, the scrolled-off part of the terminal left alone. What is beyond the screen
 * cannot be drawn over, so no frame is higher than that.
 */
function redrawing({ say }: Pick<Session, "say">, size: TerminalSize): (text: string) => void {
  let lines = 0;
  return (text) => {
    const { columns, rows } = size();
    const room = Math.max(1, rows - 4);
    const all = text.split("\n");
    let height = 0;
    const fitting = all.findIndex((line) => {
      height += rowsOf(line, columns);
      return height > room;
    });
    const shown = fitting < 0 ? all : [...all.slice(0, fitting), `… ${all.length - fitting} more lines`];
    const frame = [...shown, "", `${clock()}  (Ctrl-C ends)`];
    say(`${lines === 0 ? "" : `\u001b[${lines}A\u001b[J`}${frame.join("\n")}`);
    lines = frame.reduce((sum, line) => sum + rowsOf(line, columns), 0);
  };
}

/** Rows of a terminal that a line takes. */
function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil([...line].length / columns));
}

function appending({ say }: Pick<Session, "say">): (text: string) => void {
  let last: string | undefined;
  return (text) => {
    if (text === last) return;
    last = text;
    say(`${clock()}\n${text}\n`);
  };
}

/** An outage does not hold the picture for as long as a command would wait for its end. */
const queryTimeoutMs = 10_000;

/** The whole run of a query with `--watch`. @throws Error with --json too: a document is one answer. */
export async function watchQuery(
  session: Session,
  query: (client: DmgClient) => Promise<string>,
): Promise<Outcome> {
  if (session.json) throw new Error("--watch and --json options cannot be set together");
  const client = await session.client();
  const impatient = { ...client, timeoutMs: client.timeoutMs ?? queryTimeoutMs };
  await watch(session, async () => ({ text: await query(impatient) }));
  return {};
}
