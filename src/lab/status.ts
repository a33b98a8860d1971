import { systemQuery } from "../client/system.ts";
import { closeConnections } from "../client/transport.ts";
import { errorText } from "../faults/fault.ts";
import { labClient } from "./client.ts";
import { controlAddress } from "./configs.ts";
import type { LabLayout } from "./layout.ts";
import { isAlive } from "./process.ts";
import type { LabRecord } from "./record.ts";
import { engineProcesses } from "./stop.ts";

export interface ProgramStatus {
  readonly name: string;
  readonly state: "running" | "stopped";
  readonly pid: number | undefined;
  /** Where it is reached. */
  readonly address: string;
}

export interface LabStatus {
  readonly dir: string;
  readonly state: "up" | "degraded" | "down";
  readonly programs: readonly ProgramStatus[];
  /** Process ids of engines. */
  readonly engines: readonly number[];
  readonly ranks: readonly { readonly rank: number; readonly state: string; readonly address: string }[];
  /** Why the ranks are not known. */
  readonly problem: string | undefined;
}

/** What of a lab runs, and what its management service says of its ranks. */
export async function labStatus(layout: LabLayout, record: LabRecord): Promise<LabStatus> {
  const programs: ProgramStatus[] = [];
  const wanted = record.ports.map(({ control }, index) => ({
    name: `s${index}`,
    address: controlAddress(control),
  }));
  for (const { name, address } of [...wanted, { name: "agent", address: layout.agent.socket }]) {
    const known = record.processes.findLast((process) => process.name === name);
    const alive = known !== undefined && (await isAlive(known));
    programs.push({
      name,
      address,
      state: alive ? "running" : "stopped",
      pid: alive ? known.pid : undefined,
    });
  }
  const running = programs.filter(({ state }) => state === "running").length;
  const { ranks, problem } =
    running === 0 ? { ranks: [], problem: undefined } : await rankStates(layout, record);
  const joined = ranks.filter(({ state }) => state === "joined").length;
  const whole = running === programs.length && joined === record.servers * record.engines;
  return {
    dir: layout.dir,
    state: running === 0 ? "down" : whole ? "up" : "degraded",
    programs,
    engines: (await engineProcesses(layout, record)).map(({ pid }) => pid),
    ranks,
    problem,
  };
}

async function rankStates(
  layout: LabLayout,
  record: LabRecord,
): Promise<Pick<LabStatus, "ranks" | "problem">> {
  try {
    const client = await labClient(layout, record);
    const { members } = await systemQuery(client, { failOnUnavailable: true });
    const ranks = members.map(({ rank, state, addr }) => ({ rank, state, address: addr }));
    return { ranks: ranks.sort((a, b) => a.rank - b.rank), problem: undefined };
  } catch (error) {
    return { ranks: [], problem: errorText(error) };
  } finally {
    closeConnections();
  }
}

/** The status for people. */
export function statusText(status: LabStatus): string {
  const lines = [`lab in ${status.dir}: ${status.state}`];
  for (const { name, state, pid, address } of status.programs) {
    lines.push(
      `  ${name.padEnd(6)} ${state.padEnd(8)} ${pid === undefined ? "" : `pid ${pid}`.padEnd(12)} ${address}`.trimEnd(),
    );
  }
  lines.push(
    `  engines ${status.engines.length === 0 ? "none" : status.engines.map((pid) => `pid ${pid}`).join(", ")}`,
  );
  for (const { rank, state, address } of status.ranks) lines.push(`  rank ${rank}  ${state}  at ${address}`);
  if (status.problem !== undefined) lines.push(`  ranks unknown: ${status.problem}`);
  return lines.join("\n");
}
