import { open } from "node:fs/promises";
import { isConnectionError } from "../client/connection-errors.ts";
import { listPools } from "../client/pool.ts";
import { storageFormat, storageScan } from "../client/storage.ts";
import { systemQuery } from "../client/system.ts";
import { closeConnections } from "../client/transport.ts";
import { errorText, isFault } from "../faults/fault.ts";
import { findMount, readMounts } from "../hardware/mounts.ts";
import { selfCommand } from "../helper/self.ts";
import { certificateFiles, makeCertificates } from "../security/certificates.ts";
import { attachedRanks, labClient, runDmg } from "./client.ts";
import { controlAddress, writeConfigs } from "./configs.ts";
import { labFault } from "./error.ts";
import type { LabLayout } from "./layout.ts";
import { takenPort } from "./ports.ts";
import { type StartedProcess, startProcess } from "./process.ts";
import { labPath, makePrograms } from "./programs.ts";
import { type LabRecord, writeRecord } from "./record.ts";
import type { Steps } from "./steps.ts";
import { waitFor } from "./wait.ts";

/** Much more than each step takes on a slow machine; a step that takes longer has failed. */
const listenTimeoutMs = 20_000;
const formatTimeoutMs = 30_000;
const joinTimeoutMs = 30_000;
const agentTimeoutMs = 15_000;

export const poolLabel = "tank";
const poolSize = "1G";

/** What a bring-up works with and what it has started. */
interface BringUp {
  readonly layout: LabLayout;
  readonly record: LabRecord;
  readonly signal: AbortSignal;
  readonly started: StartedProcess[];
  /** Rejects when a program that was started ends: whatever step is waiting has failed then. */
  readonly death: PromiseWithResolvers<never>;
}

/**
 * Brings a lab up step by step and returns the processes that run then. What was started by a step that fails
 * is in the record, for stopLab.
 * @throws Fault that says which program failed, with the end of its log.
 */
export async function bringUp(
  layout: LabLayout,
  record: LabRecord,
  steps: Steps,
  signal: AbortSignal,
): Promise<readonly StartedProcess[]> {
  // Ends what a step that has lost its race goes on waiting for.
  const over = new AbortController();
  const lab: BringUp = {
    layout,
    record,
    signal: AbortSignal.any([signal, over.signal]),
    started: [],
    death: Promise.withResolvers<never>(),
  };
  // Programs that end between steps, or after the last, are nobody's failure.
  lab.death.promise.catch(() => undefined);
  const step = (title: string, work: (lab: BringUp) => Promise<string>) => {
    signal.throwIfAborted();
    return steps.run(title, () => Promise.race([work(lab), lab.death.promise]));
  };
  try {
    await step("certificates", certificates);
    await step("configuration", configuration);
    await step("servers", servers);
    await step("storage scan", scan);
    await step("storage format", format);
    await step("ranks", ranks);
    await step(`pool ${poolLabel}`, pool);
    await step("agent", agent);
    return lab.started;
  } finally {
    over.abort();
    closeConnections();
  }
}

/** The end of what a program wrote, for a person who looks for the reason. */
async function lastLines(path: string): Promise<string> {
  const wantedBytes = 4096;
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - wantedBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wantedBytes), 0, wantedBytes, start);
    return buffer.subarray(0, bytesRead).toString("utf8").trimEnd().split("\n").slice(-3).join(" | ");
  } finally {
    await file.close();
  }
}

async function programFailed(lab: BringUp, name: string, how: string) {
  const { output, log } = name === "agent" ? lab.layout.agent : lab.layout.server(Number(name.slice(1)));
  return labFault(
    `${name} has ended (${how}) while it was needed`,
    `read ${log} and ${output}`,
    (await lastLines(output)) || (await lastLines(log)),
  );
}

async function certificates({ layout, record }: BringUp): Promise<string> {
  if (record.insecure) return "none (insecure)";
  const files = certificateFiles(layout.certificates);
  if (await Bun.file(files.cert.admin).exists()) return `those of ${layout.certificates}`;
  await makeCertificates(layout.certificates);
  return `CA, server, agent, admin in ${layout.certificates}`;
}

async function configuration({ layout, record }: BringUp): Promise<string> {
  const taken = await takenPort(record.ports);
  if (taken !== undefined) {
    throw labFault(
      `port ${taken} of the lab is taken by another program`,
      `end that program, or begin anew with "daosctl lab down --purge"`,
    );
  }
  if (record.tmpfs && !(await isMounted(layout.server(0).scmMount(0)))) record.formatted = false;
  await makePrograms(layout, record.enginePath);
  await writeConfigs(layout, record);
  const engine = record.enginePath ?? "the lab's emulated engine";
  return `${record.servers} x ${record.engines} engines of ${record.targets} targets, ${engine}`;
}

/** What was in a tmpfs is gone with it, after a reboot for one. */
async function isMounted(path: string): Promise<boolean> {
  return findMount(await readMounts(), path) !== undefined;
}

async function start(lab: BringUp, name: string, command: string[], output: string): Promise<void> {
  const env = { ...process.env, PATH: labPath(lab.layout) };
  const started = await startProcess({ name, command: [...selfCommand(), ...command], env, output });
  lab.started.push(started);
  void started.ended.then(async (how) => lab.death.reject(await programFailed(lab, name, how)));
  lab.record.processes.push({ name, pid: started.pid, birth: started.birth });
  await writeRecord(lab.layout, lab.record);
}

async function servers(lab: BringUp): Promise<string> {
  const { layout, record } = lab;
  for (let index = 0; index < record.servers; index++) {
    const { name, config, output } = layout.server(index);
    const tier = record.tmpfs ? [] : ["--scm-as-folder"];
    await start(lab, name, ["server", "start", "-o", config, "--listen", "127.0.0.1", ...tier], output);
  }
  await answering(lab);
  return `listening on ${record.ports.map(({ control }) => controlAddress(control)).join(", ")}`;
}

/** Resolves once every server has answered a call of the control API, whatever it answered. */
async function answering({ layout, record, signal }: BringUp): Promise<void> {
  const client = await labClient(layout, record, signal);
  let last: unknown;
  const all = await waitFor(
    async () => {
      const { errors } = await storageScan(client, { nvmeBasic: true });
      const unreached = [...errors.values()].map(({ error }) => error).filter(isConnectionError);
      [last] = unreached;
      return unreached.length === 0 ? true : undefined;
    },
    { timeoutMs: listenTimeoutMs, signal },
  );
  if (all === undefined) throw last;
}

async function scan({ layout, record, signal }: BringUp): Promise<string> {
  const client = await labClient(layout, record, signal);
  const { errors, groups } = await storageScan(client, {});
  const [failed] = errors.values();
  if (failed !== undefined) throw failed.error;
  const hosts = groups.reduce((sum, group) => sum + group.hosts.length, 0);
  return `${hosts} servers answered`;
}

async function format(lab: BringUp): Promise<string> {
  const { layout, record, signal } = lab;
  if (record.formatted) return "formatted before, data kept";
  const client = await labClient(layout, record, signal);
  let last: unknown;
  const made = await waitFor(
    async () => {
      try {
        const { errors, groups } = await storageFormat(client, { reformat: false, explicitHosts: false });
        last = [...errors.values()][0]?.error;
        return last === undefined ? groups : undefined;
      } catch (error) {
        // A bring-up that was broken off after its format.
        if (isFault(error, 509)) return [];
        last = error;
        return undefined;
      }
    },
    { timeoutMs: formatTimeoutMs, signal },
  );
  if (made === undefined) throw last;
  record.formatted = true;
  await writeRecord(layout, record);
  const tiers = made.reduce((sum, group) => sum + group.hosts.length * group.value.mounts.length, 0);
  return `${tiers} ram tiers (${record.tmpfs ? "tmpfs" : "folders"})`;
}

async function ranks({ layout, record, signal }: BringUp): Promise<string> {
  const client = await labClient(layout, record, signal);
  const wanted = record.servers * record.engines;
  let seen = "no system yet";
  const joined = await waitFor(
    async () => {
      try {
        const { members } = await systemQuery(client, { failOnUnavailable: true });
        const up = members.filter(({ state }) => state === "joined").length;
        seen = `${up} of ${wanted} joined`;
        return up === wanted ? up : undefined;
      } catch (error) {
        seen = errorText(error);
        return undefined;
      }
    },
    { timeoutMs: joinTimeoutMs, signal },
  );
  if (joined === undefined)
    throw labFault("not all ranks have joined", `read the logs in ${layout.dir}`, seen);
  return `${joined} joined`;
}

async function pool({ layout, record, signal }: BringUp): Promise<string> {
  const client = await labClient(layout, record, signal);
  const { pools } = await listPools(client, { query: false });
  if (pools.some(({ label }) => label === poolLabel)) return "made before";
  await runDmg(layout, ["pool", "create", "--size", poolSize, poolLabel], signal);
  return `${poolSize} over all ranks`;
}

async function agent(lab: BringUp): Promise<string> {
  const { layout, record, signal } = lab;
  await start(lab, "agent", ["agent", "-o", layout.agent.config, "start"], layout.agent.output);
  let last: unknown;
  const told = await waitFor(
    () =>
      attachedRanks(layout).catch((error: unknown) => {
        last = error;
        return undefined;
      }),
    { timeoutMs: agentTimeoutMs, signal },
  );
  if (told === undefined) throw last;
  return `attached to ${told} ranks of ${record.servers} servers, ${layout.agent.socket}`;
}
