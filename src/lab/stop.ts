import { isScmTier } from "../config/types.ts";
import { requestHelper } from "../helper/client.ts";
import { labServerConfig } from "./configs.ts";
import type { LabLayout } from "./layout.ts";
import { isAlive, processesWithArgument, signalProcess, stopProcess, waitGone } from "./process.ts";
import { type LabProcess, type LabRecord, writeRecord } from "./record.ts";

/** An agent has little to put away; a server stops its engines in order first. */
const agentGraceMs = 5_000;
const serverGraceMs = 30_000;
/** For what is killed outright. */
const killMs = 5_000;

/** Those of the recorded processes that run. */
export async function runningProcesses(record: LabRecord): Promise<LabProcess[]> {
  const alive = await Promise.all(record.processes.map(isAlive));
  return record.processes.filter((_, index) => alive[index]);
}

/** Engines of the lab: they name their server's socket folder on their command line. */
export async function engineProcesses(layout: LabLayout, record: LabRecord): Promise<LabProcess[]> {
  const folders = Array.from({ length: record.servers }, (_, index) => layout.server(index).runDir);
  return processesWithArgument(new Set(folders));
}

/** What a stop had to do. */
export interface Stopped {
  readonly stopped: number;
  /** Names of those that had to be killed. */
  readonly killed: string[];
}

/**
 * Stops everything that runs of a lab: the agent, then the servers, which stop their engines, then any engine
 * that is left. Afterwards nothing of the lab runs, and the record says so.
 */
export async function stopLab(layout: LabLayout, record: LabRecord): Promise<Stopped> {
  const running = await runningProcesses(record);
  const killed: string[] = [];
  const stopAll = async (processes: LabProcess[], graceMs: number) => {
    await Promise.all(
      processes.map(async (process) => {
        if (!(await stopProcess(process, graceMs))) killed.push(process.name);
      }),
    );
  };
  await stopAll(
    running.filter(({ name }) => name === "agent"),
    agentGraceMs,
  );
  await stopAll(
    running.filter(({ name }) => name !== "agent"),
    serverGraceMs,
  );
  for (const engine of await engineProcesses(layout, record)) {
    await signalProcess(engine, "SIGKILL");
    await waitGone(engine, killMs);
    killed.push(`engine ${engine.pid}`);
  }
  record.processes = [];
  await writeRecord(layout, record);
  return { stopped: running.length, killed };
}

/** Takes away the memory tiers of a lab that mounts them; with them goes what was stored. */
export async function unmountTiers(layout: LabLayout, record: LabRecord): Promise<void> {
  if (!record.tmpfs) return;
  for (let index = 0; index < record.servers; index++) {
    for (const engine of labServerConfig(layout, record, index).engines) {
      for (const tier of engine.storage.filter(isScmTier)) {
        await requestHelper({ op: "unmount", target: tier.scmMount }).catch((error: { reason?: string }) => {
          // Not mounted, or never made.
          if (error.reason !== "EINVAL" && error.reason !== "ENOENT") throw error;
        });
      }
    }
  }
}
