import { readFile } from "node:fs/promises";
import { z } from "zod";
import { errorText } from "../faults/fault.ts";
import { writeFileDurable } from "../files/durable.ts";
import { labFault } from "./error.ts";
import type { LabLayout } from "./layout.ts";

const processSchema = z.object({
  /** "s0", "agent". */
  name: z.string(),
  pid: z.number().int().positive(),
  /** Tells a process from a later one of the same number. */
  birth: z.string(),
});

const recordSchema = z.object({
  format: z.literal(1),
  /** Its form; fixed when the lab is made, because it is in the storage. */
  servers: z.number().int().min(1),
  engines: z.number().int().min(1),
  targets: z.number().int().min(1),
  /** Servers that hold a replica of the management service: the first ones. */
  replicas: z.number().int().min(1).default(1),
  insecure: z.boolean(),
  /** Control port of each server, and fabric port of each engine of each server. */
  ports: z.array(z.object({ control: z.number().int(), fabric: z.array(z.number().int()) })),
  /** A daos_engine that runs in the place of the lab's own; undefined: the lab's own. */
  enginePath: z.string().optional(),
  tmpfs: z.boolean(),
  /** Storage has been formatted once. */
  formatted: z.boolean(),
  processes: z.array(processSchema),
});

/** What a lab is made of and what of it was started: `lab.json`. */
export type LabRecord = z.infer<typeof recordSchema>;
export type LabProcess = z.infer<typeof processSchema>;

/** The record of the lab in that folder; undefined when there is no lab. */
export async function readRecord(layout: LabLayout): Promise<LabRecord | undefined> {
  let text: string;
  try {
    text = await readFile(layout.record, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw labFault(`${layout.record} cannot be read`, "check who owns the lab's folder", errorText(error));
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw labFault(
      `${layout.record} is not a record of a lab`,
      "it was made by another version or damaged; remove the folder when nothing of it runs any more",
      errorText(error),
    );
  }
}

/** @throws Fault when there is no lab. */
export async function requireRecord(layout: LabLayout): Promise<LabRecord> {
  const record = await readRecord(layout);
  if (record !== undefined) return record;
  throw labFault(
    `there is no lab in ${layout.dir}`,
    'bring one up with "daosctl lab up", or name its folder by --dir or the variable DAOSCTL_LAB_DIR',
  );
}

/** Replaces the record in one step. */
export async function writeRecord(layout: LabLayout, record: LabRecord): Promise<void> {
  await writeFileDurable(layout.record, `${JSON.stringify(record, null, 2)}\n`, 0o644);
}
