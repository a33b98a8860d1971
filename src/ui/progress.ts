import { isatty } from "node:tty";

/** Changes shown at most this often: fast operations then show nothing at all. */
const quietMs = 400;

export interface Progress {
  /** One more thing is done. */
  step(what?: string): void;
  /** Takes the line away. */
  end(): void;
}

export interface Clock {
  /** How far the operation is, for the next time the line is drawn. */
  detail(text: string): void;
  /** Takes the line away. */
  end(): void;
}

/** Takes text for a terminal. */
export type Write = (text: string) => void;

/** Standard error when that is a terminal. */
function terminal(): Write | undefined {
  return isatty(2) ? (text) => void process.stderr.write(text) : undefined;
}

/**
 * One line on the terminal's standard error: `formatting storage: 3 of 64 hosts (node07)`. Nothing when
 * standard error is no terminal, or when all is over before anybody could wonder.
 */
export function startProgress(title: string, total: number, unit: string, write = terminal()): Progress {
  let done = 0;
  let last = "";
  const end = drawing(write, quietMs, () => {
    const detail = last === "" ? "" : ` (${last})`;
    return `${title}: ${done} of ${total} ${unit}${total === 1 ? "" : "s"}${detail}`;
  });
  return {
    step(what = "") {
      done++;
      last = what;
    },
    end,
  };
}

/** The same for one long operation: `stopping: 3 of 8 ranks (12 s)`. */
export function startClock(title: string, write = terminal(), intervalMs = 1000): Clock {
  const began = performance.now();
  let detail = "";
  const end = drawing(write, intervalMs, () => {
    const seconds = Math.round((performance.now() - began) / 1000);
    return `${title}${detail === "" ? "" : `: ${detail}`} (${seconds} s)`;
  });
  return {
    detail(text) {
      detail = text;
    },
    end,
  };
}

/** Draws a line again and again in its place, until the function given back is called. */
function drawing(write: Write | undefined, intervalMs: number, line: () => string): () => void {
  if (write === undefined) return () => undefined;
  let shown = false;
  const timer = setInterval(() => {
    shown = true;
    write(`\r\u001b[K${line()}`);
  }, intervalMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    if (shown) write("\r\u001b[K");
    shown = false;
  };
}
