import { chmod, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { errorText } from "../../faults/fault.ts";
import { syncFolder } from "../../files/durable.ts";
import { crc64 } from "./crc64.ts";
import { writeSynced } from "./files.ts";
import type { RaftServer } from "./log.ts";

/** Says up to where in the log a snapshot reaches, and which replicas there were (meta.json). */
export interface SnapshotMeta {
  readonly index: bigint;
  readonly term: bigint;
  readonly servers: readonly RaftServer[];
}

export interface FoundSnapshot extends SnapshotMeta {
  /** Folder. */
  readonly path: string;
  /** The system as JSON. */
  readonly text: string;
}

const metaSchema = z.object({
  Version: z.literal(1),
  ID: z.string(),
  Index: z.int().nonnegative(),
  Term: z.int().nonnegative(),
  Configuration: z.object({
    Servers: z.array(z.object({ Suffrage: z.int(), Address: z.string() })).nullable(),
  }),
  /** Base64 of eight bytes. */
  CRC: z.string(),
});

const metaFile = "meta.json";
const stateFile = "state.bin";
/** A system of some thousand ranks takes a few megabytes. */
const largestStateBytes = 512 << 20;
/** What is still being written, or was when the power went. */
const draftSuffix = ".tmp";

/**
 * The newest whole snapshot below `dir`, as 2.6 picks it: by term, then index, then name; one that is damaged is
 * passed over, and told of. undefined when there is none at all.
 */
export async function newestSnapshot(
  dir: string,
  onDamaged: (path: string, why: string) => void,
): Promise<FoundSnapshot | undefined> {
  const folder = join(dir, "snapshots");
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const found: { readonly name: string; readonly meta: z.infer<typeof metaSchema> }[] = [];
  for (const name of names) {
    if (name.endsWith(draftSuffix) || !(await stat(join(folder, name))).isDirectory()) continue;
    try {
      found.push({ name, meta: await readMeta(join(folder, name)) });
    } catch (error) {
      onDamaged(join(folder, name), errorText(error));
    }
  }
  found.sort(
    (a, b) => b.meta.Term - a.meta.Term || b.meta.Index - a.meta.Index || (a.name < b.name ? 1 : -1),
  );
  for (const { name, meta } of found) {
    const path = join(folder, name);
    try {
      return { ...metaOf(meta), path, text: await readState(path, meta.CRC) };
    } catch (error) {
      onDamaged(path, errorText(error));
    }
  }
  return undefined;
}

/** True for the folder of one snapshot. */
export async function isSnapshotFolder(path: string): Promise<boolean> {
  return stat(join(path, stateFile)).then(
    (found) => found.isFile(),
    () => false,
  );
}

/**
 * Reads one snapshot folder.
 * @throws Error saying what of it is missing or damaged
 */
export async function readSnapshotFolder(path: string): Promise<FoundSnapshot> {
  const meta = await readMeta(path);
  return { ...metaOf(meta), path, text: await readState(path, meta.CRC) };
}

async function readMeta(path: string): Promise<z.infer<typeof metaSchema>> {
  return metaSchema.parse(JSON.parse(await readFile(join(path, metaFile), "utf8")));
}

function metaOf({ Index, Term, Configuration }: z.infer<typeof metaSchema>): SnapshotMeta {
  return {
    index: BigInt(Index),
    term: BigInt(Term),
    servers: (Configuration.Servers ?? []).map(({ Address, Suffrage }) => ({
      address: Address,
      voter: Suffrage === 0,
    })),
  };
}

async function readState(path: string, crc: string): Promise<string> {
  const file = join(path, stateFile);
  if ((await stat(file)).size > largestStateBytes) throw new Error(`${stateFile} is too large to be one`);
  const bytes = await readFile(file);
  if (crc64(bytes).toString("base64") !== crc) throw new Error("its checksum is not that of its content");
  return bytes.toString("utf8");
}

/**
 * Writes a snapshot into the folder `path`, which must not exist, so that `daos_server ms restore -p` of 2.6 takes
 * it: whole and synced, or not at all.
 */
export async function writeSnapshotFolder(path: string, text: string, meta: SnapshotMeta): Promise<void> {
  const draft = `${path}${draftSuffix}`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  try {
    await chmod(draft, 0o700);
    const state = Buffer.from(text);
    await writeSynced(join(draft, stateFile), state);
    await writeSynced(join(draft, metaFile), metaText(path, meta, state));
    await syncFolder(draft);
    // Fails when the folder exists and holds something.
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

function metaText(path: string, { index, term, servers }: SnapshotMeta, state: Buffer): string {
  const document = {
    Version: 1,
    ID: path.slice(path.lastIndexOf("/") + 1),
    Index: Number(index),
    Term: Number(term),
    // The form of protocols before 3; 2.6 writes it, and reads the configuration instead.
    Peers: encodePeers(servers).toString("base64"),
    Configuration: {
      Servers: servers.map(({ address, voter }) => ({
        Suffrage: voter ? 0 : 1,
        ID: address,
        Address: address,
      })),
    },
    ConfigurationIndex: 1,
    Size: state.length,
    CRC: crc64(state).toString("base64"),
  };
  return `${JSON.stringify(document)}\n`;
}

/** MessagePack: a list of addresses as raw values. At most 15 replicas of addresses below 32 or 65536 bytes. */
function encodePeers(servers: readonly RaftServer[]): Buffer {
  const peers = servers.filter(({ voter }) => voter).map(({ address }) => Buffer.from(address));
  const head = (length: number): number[] =>
    length < 32 ? [0xa0 | length] : [0xda, length >> 8, length & 0xff];
  return Buffer.concat([
    Buffer.from([0x90 | peers.length]),
    ...peers.flatMap((peer) => [Buffer.from(head(peer.length)), peer]),
  ]);
}
