import { errorText } from "../faults/fault.ts";
import { SELF_ARGV0, selfCommand } from "../helper/self.ts";
import type { Logger } from "../log/logger.ts";

export interface MeasuredEngine {
  readonly index: number;
  readonly rank: number;
  readonly pid: number;
}

/** Reading is a copy of memory; a child that takes longer than this is ended. */
const READ_TIMEOUT_MS = 15_000;
/** Metrics of two engines with a hundred pools are a few megabytes. */
const MAX_TEXT_BYTES = 128 * 1024 * 1024;

/**
 * A function that reads what the running engines measure, in Prometheus' text format, in a child: nothing that
 * an engine wrote, or broke off writing, reaches this process but text. Those who ask at once share one child.
 * What cannot be read is logged, once as long as it stays so, and is "".
 */
export function createEngineMetrics(
  engines: () => readonly MeasuredEngine[],
  log: Logger,
): { read(): Promise<string>; stop(): void } {
  let reading: Promise<string> | undefined;
  let lastTrouble = "";
  const abort = new AbortController();

  async function read(): Promise<string> {
    const running = engines();
    if (running.length === 0) return "";
    const command = [...selfCommand(), "helper", "engine-metrics"];
    const child = Bun.spawn(
      [...command, ...running.map(({ index, rank, pid }) => `${index}:${rank}:${pid}`)],
      {
        argv0: SELF_ARGV0,
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
        cwd: "/",
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        signal: AbortSignal.any([abort.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]),
        killSignal: "SIGKILL",
        maxBuffer: MAX_TEXT_BYTES,
      },
    );
    const [text, words] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (child.exitCode !== 0) throw new Error(`the reader ended with ${child.signalCode ?? child.exitCode}`);
    told(words.trim());
    return text;
  }

  function told(trouble: string): void {
    if (trouble !== "" && trouble !== lastTrouble) log.notice(`telemetry: ${trouble.replaceAll("\n", "; ")}`);
    lastTrouble = trouble;
  }

  return {
    async read() {
      reading ??= read().finally(() => {
        reading = undefined;
      });
      try {
        return await reading;
      } catch (error) {
        if (!abort.signal.aborted) told(errorText(error));
        return "";
      }
    },
    stop: () => abort.abort(),
  };
}
