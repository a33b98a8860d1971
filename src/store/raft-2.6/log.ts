import { type Bbolt, BboltError } from "./bbolt.ts";
import { decodeMsgpack, type MsgpackValue } from "./msgpack.ts";

/** A server of the replicas, as entries and snapshots list them. */
export interface RaftServer {
  /** Control address, "ip:port". */
  readonly address: string;
  readonly voter: boolean;
}

/** One entry of the log: a change of the system, a change of the replicas, or a mark without content. */
export interface RaftEntry {
  readonly index: bigint;
  readonly term: bigint;
  readonly content:
    | { readonly kind: "command"; readonly json: Buffer }
    | { readonly kind: "configuration"; readonly servers: readonly RaftServer[] }
    | { readonly kind: "mark" };
}

/** What a replica remembers of elections. */
export interface RaftTerms {
  readonly currentTerm: bigint;
  readonly lastVoteTerm: bigint;
  /** "ip:port" of whom it voted for, or "". */
  readonly lastVote: string;
}

/** Types of entries that change nothing: no-op, the two ways to add and remove peers of old, barrier. */
const markTypes = [1n, 2n, 3n, 4n];
const commandType = 0n;
const configurationType = 5n;

/** @throws BboltError */
export async function readTerms(db: Bbolt): Promise<RaftTerms> {
  const values = new Map<string, Buffer>();
  for await (const { key, value } of (await db.bucket("conf")) ?? []) values.set(key.toString("utf8"), value);
  const number = (name: string): bigint => {
    const value = values.get(name);
    if (value === undefined) return 0n;
    if (value.length !== 8) throw new BboltError(`${name} is not a number of 8 bytes`);
    return value.readBigUInt64BE();
  };
  return {
    currentTerm: number("CurrentTerm"),
    lastVoteTerm: number("LastVoteTerm"),
    lastVote: values.get("LastVoteCand")?.toString("utf8") ?? "",
  };
}

/**
 * Entries after index `after`, one after the other without a gap.
 * @throws BboltError naming the entry that is missing or cannot be read
 */
export async function* readEntries(db: Bbolt, after: bigint): AsyncGenerator<RaftEntry> {
  const bucket = await db.bucket("logs");
  if (bucket === undefined) throw new BboltError("it has no log");
  let expected = after + 1n;
  for await (const { key, value } of bucket) {
    if (key.length !== 8) throw new BboltError("an entry of the log has no index");
    const index = key.readBigUInt64BE();
    if (index <= after) continue;
    if (index !== expected)
      throw new BboltError(`entries ${expected} to ${index - 1n} of the log are missing`);
    expected++;
    yield readEntry(index, value);
  }
}

function readEntry(index: bigint, value: Buffer): RaftEntry {
  try {
    const fields = decodeMsgpack(value);
    if (!isMap(fields)) throw new RangeError("it is no map");
    if (integer(fields, "Index") !== index) throw new RangeError("it says it is another one");
    return { index, term: integer(fields, "Term"), content: contentOf(fields) };
  } catch (error) {
    if (error instanceof RangeError) throw new BboltError(`entry ${index} of the log: ${error.message}`);
    throw error;
  }
}

function contentOf(fields: ReadonlyMap<string, MsgpackValue>): RaftEntry["content"] {
  const type = integer(fields, "Type");
  if (markTypes.includes(type)) return { kind: "mark" };
  const data = fields.get("Data");
  if (!Buffer.isBuffer(data)) throw new RangeError("it has no content");
  if (type === commandType) return { kind: "command", json: data };
  if (type === configurationType) return { kind: "configuration", servers: readServers(data) };
  throw new RangeError(`its type ${type} is not known`);
}

function readServers(data: Buffer): RaftServer[] {
  const configuration = decodeMsgpack(data);
  const servers = isMap(configuration) ? configuration.get("Servers") : undefined;
  if (servers === null) return [];
  if (!Array.isArray(servers)) throw new RangeError("it lists no servers");
  return (servers as readonly MsgpackValue[]).map((server) => {
    const address = isMap(server) ? server.get("Address") : undefined;
    if (!isMap(server) || !Buffer.isBuffer(address)) throw new RangeError("a server has no address");
    return { address: address.toString("utf8"), voter: integer(server, "Suffrage") === 0n };
  });
}

function isMap(value: MsgpackValue): value is ReadonlyMap<string, MsgpackValue> {
  return value instanceof Map;
}

function integer(fields: ReadonlyMap<string, MsgpackValue>, name: string): bigint {
  const value = fields.get(name);
  if (typeof value !== "bigint") throw new RangeError(`${name} is not a number`);
  return value;
}
