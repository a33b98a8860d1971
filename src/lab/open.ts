import { readdir } from "node:fs/promises";
import { labFault } from "./error.ts";
import { checkSocketPaths, type LabLayout } from "./layout.ts";
import { choosePorts } from "./ports.ts";
import { checkEngine, findEngine } from "./programs.ts";
import { type LabRecord, readRecord, writeRecord } from "./record.ts";

/** What a person asks of `lab up`. undefined: as the lab has it, else the default. */
export interface LabWishes {
  readonly servers?: number;
  readonly engines?: number;
  readonly targets?: number;
  readonly replicas?: number;
  readonly port?: number;
  readonly insecure?: boolean;
  /** A daos_engine to run. */
  readonly engine?: string;
  /** Run the daos_engine on PATH. */
  readonly realEngine?: boolean;
  readonly tmpfs?: boolean;
}

const defaults = { servers: 3, engines: 1, targets: 4, replicas: 1 };

/**
 * The lab in that folder, made if there is none. Its programs are not started.
 * @throws Fault when the folder cannot be a lab's, or the lab there differs from what is asked for.
 */
export async function openLab(layout: LabLayout, wishes: LabWishes): Promise<LabRecord> {
  const existing = await readRecord(layout);
  if (existing !== undefined) {
    checkSame(layout, existing, wishes);
    const enginePath = await engineWish(layout, wishes);
    if (enginePath !== undefined) existing.enginePath = enginePath;
    return existing;
  }
  return makeLab(layout, wishes);
}

/** What is in the storage cannot be changed by a flag. */
function checkSame(layout: LabLayout, record: LabRecord, wishes: LabWishes): void {
  const differs = (["servers", "engines", "targets", "replicas", "insecure", "tmpfs"] as const).find(
    (key) => wishes[key] !== undefined && wishes[key] !== record[key],
  );
  const [first] = record.ports;
  if (differs === undefined && (wishes.port === undefined || wishes.port === first?.control)) return;
  const name = differs ?? "port";
  const value = differs === undefined ? first?.control : record[differs];
  throw labFault(
    `the lab in ${layout.dir} was made with --${name} ${value}`,
    `leave the flag out, use another --dir, or begin anew with "daosctl lab down --purge"`,
  );
}

async function engineWish(layout: LabLayout, wishes: LabWishes): Promise<string | undefined> {
  if (wishes.engine !== undefined) return checkEngine(wishes.engine);
  return wishes.realEngine ? findEngine(layout) : undefined;
}

async function makeLab(layout: LabLayout, wishes: LabWishes): Promise<LabRecord> {
  // The lock of this very command is there already.
  const others = (await readdir(layout.dir)).filter((name) => !name.startsWith("lab."));
  if (others.length > 0) {
    throw labFault(`${layout.dir} is no lab and not empty`, "choose another folder by --dir");
  }
  const shape = {
    servers: wishes.servers ?? defaults.servers,
    engines: wishes.engines ?? defaults.engines,
    targets: wishes.targets ?? defaults.targets,
  };
  const replicas = wishes.replicas ?? defaults.replicas;
  if (replicas > shape.servers || replicas % 2 === 0) {
    throw labFault(
      `${replicas} replicas are not possible with ${shape.servers} servers`,
      "give an odd number of replicas by --replicas, at most as many as servers",
    );
  }
  checkSocketPaths(layout, shape.servers);
  if (wishes.tmpfs && process.geteuid?.() !== 0) {
    throw labFault(
      "--tmpfs needs the right to mount",
      "run as root, or leave it out: ram tiers are folders then",
    );
  }
  const record: LabRecord = {
    format: 1,
    ...shape,
    replicas,
    insecure: wishes.insecure ?? false,
    ports: await choosePorts(layout.dir, shape, wishes.port),
    enginePath: await engineWish(layout, wishes),
    tmpfs: wishes.tmpfs ?? false,
    formatted: false,
    processes: [],
  };
  await writeRecord(layout, record);
  return record;
}
