import { mkdir, rmdir } from "node:fs/promises";
import { errorText } from "../faults/fault.ts";
import { bringUp, poolLabel } from "./bring-up.ts";
import { runDmg } from "./client.ts";
import { labFault } from "./error.ts";
import type { LabLayout } from "./layout.ts";
import { withLabLock } from "./lock.ts";
import { type LabWishes, openLab } from "./open.ts";
import type { StartedProcess } from "./process.ts";
import { type LabRecord, readRecord } from "./record.ts";
import { createSteps } from "./steps.ts";
import { runningProcesses, type Stopped, stopLab } from "./stop.ts";

export interface UpOptions extends LabWishes {
  /** Come back once the lab is up. */
  readonly detach: boolean;
  /** Stop it again once it is up. */
  readonly exit: boolean;
}

const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * `daosctl lab up`: brings a lab up and stays until Ctrl-C, which stops it, or until another command has
 * stopped it. Whatever ends it early stops what was started.
 */
export async function labUp(layout: LabLayout, options: UpOptions): Promise<void> {
  const interrupted = new AbortController();
  const interrupt = (name: NodeJS.Signals) => interrupted.abort(new Error(`interrupted by ${name}`));
  for (const name of signals) process.on(name, interrupt);
  try {
    const made = await mkdir(layout.dir, { recursive: true });
    const { started } = await withLabLock(layout, () => start(layout, options, interrupted.signal)).catch(
      async (error: unknown) => {
        // A folder that was made for nothing goes again; one with a lab in it is not empty.
        if (made !== undefined) await rmdir(layout.dir).catch(() => undefined);
        throw error;
      },
    );
    if (options.detach) return;
    if (options.exit) await stopAgain(layout);
    else await stay(layout, started, interrupted.signal);
  } finally {
    for (const name of signals) process.off(name, interrupt);
  }
}

async function start(layout: LabLayout, options: UpOptions, signal: AbortSignal) {
  const known = (await readRecord(layout)) !== undefined;
  const record = await openLab(layout, options);
  if ((await runningProcesses(record)).length > 0) await clearHalf(layout, record);
  say(`DAOS lab in ${layout.dir}${known ? "" : " (new)"}`);
  const begin = performance.now();
  try {
    const steps = createSteps((text) => process.stdout.write(text), process.stdout.isTTY === true);
    const started = await bringUp(layout, record, steps, signal);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    say(`\nUp after ${seconds} s.\n`);
    say(await report(layout, record));
    return { record, started };
  } catch (error) {
    tellStopped(await stopLab(layout, record));
    throw error;
  }
}

/** A lab whose programs all run is left alone; what is left of one that has lost some is stopped first. */
async function clearHalf(layout: LabLayout, record: LabRecord): Promise<void> {
  const running = await runningProcesses(record);
  if (running.length === record.servers + 1) {
    throw labFault(
      `the lab in ${layout.dir} is up`,
      'see "daosctl lab status", or stop it by "daosctl lab down"',
    );
  }
  say(`stopping what is left: ${running.map(({ name }) => name).join(", ")}`);
  await stopLab(layout, record);
}

function tellStopped({ killed }: Stopped): void {
  if (killed.length > 0) say(`had to be killed: ${killed.join(", ")}`);
  say("Stopped; nothing of the lab runs.");
}

async function stopAgain(layout: LabLayout): Promise<void> {
  await withLabLock(layout, async () => {
    const record = await readRecord(layout);
    if (record !== undefined) tellStopped(await stopLab(layout, record));
  });
}

/** Waits for a signal, tells of programs that end, and goes when none is left. */
async function stay(
  layout: LabLayout,
  started: readonly StartedProcess[],
  signal: AbortSignal,
): Promise<void> {
  say("Ctrl-C stops it.");
  // Ends of children alone do not keep a process alive.
  const keep = setInterval(() => {}, 60_000);
  try {
    const ends = started.map(async ({ name, ended }) => {
      const how = await ended;
      if (!signal.aborted) say(`${name} has ended (${how})`);
    });
    const stopAsked = new Promise<"signal">((resolve) => {
      if (signal.aborted) resolve("signal");
      signal.addEventListener("abort", () => resolve("signal"), { once: true });
    });
    const what = await Promise.race([stopAsked, Promise.all(ends).then(() => "ended" as const)]);
    if (what === "ended") return say("The lab was stopped.");
    say("\nStopping …");
    await stopAgain(layout);
  } finally {
    clearInterval(keep);
  }
}

/** What a person wants to know of a lab that has just come up. */
async function report(layout: LabLayout, record: LabRecord): Promise<string> {
  const shown = async (title: string, ...args: string[]) => {
    const text = await runDmg(layout, args).catch((error: unknown) => errorText(error));
    return `$ dmg ${title}\n${text}\n`;
  };
  const server = layout.server(0);
  return [
    await shown("system query --verbose", "system", "query", "--verbose"),
    await shown(`pool query ${poolLabel}`, "pool", "query", poolLabel),
    `Configurations  ${server.config} (s0 to s${record.servers - 1})`,
    `                ${layout.agent.config}`,
    `                ${layout.controlConfig}`,
    `Logs            ${server.log}, ${server.engineLog(0)}, ${layout.agent.log}`,
    "",
    "Try:",
    `  eval "$(${labCommand(layout, "env")})"    # dmg and clients use this lab from then on`,
    "  dmg system query",
    "  dmg pool create --size 512M second",
    `  ${labCommand(layout, "logs -f")}`,
    `  ${labCommand(layout, "down")}             # the data stays; --purge removes it`,
    "",
  ].join("\n");
}

function labCommand(layout: LabLayout, command: string): string {
  return `${layout.bin}/daosctl lab ${command} --dir ${layout.dir}`;
}
