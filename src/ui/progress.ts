import { isatty } from "node:tty";

/** Changes shown at most this often: fast operations then show nothing at all. */
const quietMs = 400;

export interface Progress {
  /** One more thing is done. */
  step(what?: string): void;
  /** Takes the line away. */
  end(): void;
}

const silent: Progress = { step() {}, end() {} };

/**
 * One line on the terminal's standard error: `formatting storage: 3 of 64 hosts (node07)`. Nothing when
 * standard error is no terminal, or when all is over before anybody could wonder.
 */
export function startProgress(title: string, total: number, unit: string): Progress {
  if (!isatty(2)) return silent;
  let done = 0;
  let last = "";
  let shown = false;
  const draw = () => {
    shown = true;
    const detail = last === "" ? "" : ` (${last})`;
    process.stderr.write(`\r\u001b[K${title}: ${done} of ${total} ${unit}${total === 1 ? "" : "s"}${detail}`);
  };
  const timer = setInterval(draw, quietMs);
  timer.unref();
  return {
    step(what = "") {
      done++;
      last = what;
    },
    end() {
      clearInterval(timer);
      if (shown) process.stderr.write("\r\u001b[K");
    },
  };
}
