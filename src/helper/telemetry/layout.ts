/**
 * An engine's metrics as they lie in System V shared memory (version 1 of 2.6.0's telemetry): a header, then
 * nodes of a tree, their names, and the metrics they lead to. Pointers are those of the engine's own address
 * space; the header says where it had the segment. Offsets are those of 64-bit little-endian Linux, where only
 * the size of a pthread_mutex_t differs between machines.
 */

/** Key of the segment of the first engine of a host; those of the others follow. */
export const TELEMETRY_KEY = 0x10242048;

export const MAX_NAME_BYTES = 256;
export const MAX_TEXT_BYTES = 128;

/** Bits of a node's type. */
export const NodeType = {
  Directory: 0x001,
  Counter: 0x002,
  Timestamp: 0x004,
  Snapshot: 0x008,
  Duration: 0x010,
  Gauge: 0x020,
  StatsGauge: 0x040,
  /** Leads to another segment, whose key is the metric's value. */
  Link: 0x400,
} as const;

const MUTEX_BYTES = process.arch === "arm64" ? 48 : 40;

export const header = {
  baseAddress: 0,
  key: 8,
  flags: 12,
  bytesTotal: 16,
  bytesFree: 24,
  freeAddress: 32,
  root: 40,
  /** A circular list: next, previous. Its entries are in shared memory too. */
  subregions: 48 + MUTEX_BYTES,
  sizeBytes: 64 + MUTEX_BYTES,
} as const;

/** An entry of the list of subregions. */
export const subregion = { linkNode: 0, key: 8, link: 16, sizeBytes: 32 } as const;

/** Bit of header.flags: whoever made it has marked it for removal. */
export const DELETED = 1;

export const node = {
  child: 0,
  sibling: 8,
  name: 16,
  type: 24,
  key: 28,
  metric: 32 + MUTEX_BYTES,
  sizeBytes: 48 + MUTEX_BYTES,
} as const;

/** `data` holds a number, or seconds and nanoseconds. */
export const metric = {
  data: 0,
  stats: 32,
  histogram: 40,
  description: 48,
  units: 56,
  sizeBytes: 64,
} as const;

/** min, max, sum and samples are u64; sumOfSquares is a double. */
export const stats = { min: 0, max: 8, sum: 16, sumOfSquares: 40, samples: 48, sizeBytes: 56 } as const;
