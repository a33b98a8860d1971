import type { ByteSource } from "./byte-source.ts";

/**
 * Reads files of bbolt, the database in which DAOS 2.6.0 keeps its log (format 2, little-endian, as on every
 * machine DAOS runs on). Two meta pages take turns; the one with the higher transaction and a right checksum
 * counts. Buckets are B+ trees of pages, small ones lie within the value that names them. Only meta pages have a
 * checksum: everything else is checked for being possible, and bounded, so that no file whatever makes the reader
 * run on or read elsewhere.
 */
export interface Bbolt {
  /** Number of the last transaction. */
  readonly txid: bigint;
  /**
   * Keys and values of a top-level bucket in the order of keys; undefined when there is no such bucket.
   * @throws BboltError
   */
  bucket(name: string): Promise<AsyncIterable<BboltEntry> | undefined>;
}

export interface BboltEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Says what in the file cannot be. */
export class BboltError extends Error {
  override readonly name = "BboltError";
}

const magic = 0xed0cdaed;
const formatVersion = 2;
const pageHeaderBytes = 16;
const metaBytes = 64;
/** The checksum covers what stands before it. */
const checksummedBytes = 56;
const elementBytes = 16;
const bucketHeaderBytes = 16;
const branchFlag = 0x01;
const leafFlag = 0x02;
const bucketFlag = 0x01;
/** Page sizes of the systems bbolt runs on. */
const smallestPage = 1 << 9;
const largestPage = 1 << 16;
/** A tree this deep would hold more than any disk. */
const deepest = 32;
/** A value of the log is one change; the largest that 2.6 writes is far below. */
const largestNodeBytes = 256 << 20;

interface Meta {
  readonly pageSize: number;
  readonly rootPage: bigint;
  /** Pages from here on have never been used. */
  readonly pageCount: bigint;
  readonly txid: bigint;
}

interface Page {
  readonly branch: boolean;
  readonly count: number;
  readonly bytes: Buffer;
}

interface LeafElement extends BboltEntry {
  readonly isBucket: boolean;
}

/** @throws BboltError when neither meta page is whole */
export async function openBbolt(source: ByteSource): Promise<Bbolt> {
  const meta = await readMeta(source);
  const reader = createPageReader(source, meta);
  return {
    txid: meta.txid,
    async bucket(name) {
      const wanted = Buffer.from(name);
      for await (const { isBucket, key, value } of walk(reader, meta.rootPage)) {
        if (!isBucket || !key.equals(wanted)) continue;
        if (value.length < bucketHeaderBytes) throw new BboltError(`bucket ${name} is cut off`);
        const root = value.readBigUInt64LE(0);
        return entriesOf(
          root === 0n
            ? leafElements(inlinePage(name, value.subarray(bucketHeaderBytes)))
            : walk(reader, root),
        );
      }
      return undefined;
    },
  };
}

/** The transaction of the file as it is now: reading is consistent when it has not moved meanwhile. */
export async function bboltTransaction(source: ByteSource): Promise<bigint> {
  return (await readMeta(source)).txid;
}

async function* entriesOf(
  elements: Iterable<LeafElement> | AsyncIterable<LeafElement>,
): AsyncGenerator<BboltEntry> {
  let last: Buffer | undefined;
  for await (const { key, value, isBucket } of elements) {
    if (isBucket) continue;
    if (last !== undefined && last.compare(key) >= 0) throw new BboltError("keys are not in order");
    last = key;
    yield { key, value };
  }
}

async function readMeta(source: ByteSource): Promise<Meta> {
  const first = await tryMeta(source, 0);
  // Without the first page nothing says how large a page is: the second lies where one of that size ends.
  const sizes = first === undefined ? powersOfTwo(smallestPage, largestPage) : [first.pageSize];
  let best = first;
  for (const size of sizes) {
    const second = await tryMeta(source, size);
    if (second?.pageSize === size && (best === undefined || second.txid > best.txid)) best = second;
  }
  if (best === undefined) throw new BboltError("neither of its first two pages is whole");
  return best;
}

async function tryMeta(source: ByteSource, at: number): Promise<Meta | undefined> {
  if (at + pageHeaderBytes + metaBytes > source.sizeBytes) return undefined;
  const bytes = await source.read(at + pageHeaderBytes, metaBytes);
  if (bytes.readUInt32LE(0) !== magic || bytes.readUInt32LE(4) !== formatVersion) return undefined;
  if (bytes.readBigUInt64LE(checksummedBytes) !== fnv1a(bytes.subarray(0, checksummedBytes)))
    return undefined;
  const pageSize = bytes.readUInt32LE(8);
  if (pageSize < smallestPage || pageSize > largestPage || (pageSize & (pageSize - 1)) !== 0)
    return undefined;
  return {
    pageSize,
    rootPage: bytes.readBigUInt64LE(16),
    pageCount: bytes.readBigUInt64LE(40),
    txid: bytes.readBigUInt64LE(48),
  };
}

function powersOfTwo(from: number, to: number): number[] {
  const powers: number[] = [];
  for (let power = from; power <= to; power *= 2) powers.push(power);
  return powers;
}

/** FNV-1a, 64 bits. */
function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

type PageReader = (id: bigint) => Promise<Page>;

function createPageReader(source: ByteSource, { pageSize, pageCount }: Meta): PageReader {
  return async (id) => {
    if (id < 2n || id >= pageCount) throw new BboltError(`page ${id} is none of its ${pageCount} pages`);
    const at = Number(id) * pageSize;
    if (at + pageSize > source.sizeBytes) throw new BboltError(`page ${id} lies beyond the end of the file`);
    const header = await source.read(at, pageHeaderBytes);
    if (header.readBigUInt64LE(0) !== id) throw new BboltError(`page ${id} says it is another one`);
    // A node larger than a page goes on in those after it.
    const length = (header.readUInt32LE(12) + 1) * pageSize;
    if (length > largestNodeBytes || at + length > source.sizeBytes) {
      throw new BboltError(`page ${id} reaches beyond the end of the file`);
    }
    return pageOf(`page ${id}`, await source.read(at, length));
  };
}

function inlinePage(bucket: string, bytes: Buffer): Page {
  if (bytes.length < pageHeaderBytes) throw new BboltError(`bucket ${bucket} is cut off`);
  const page = pageOf(`bucket ${bucket}`, bytes);
  if (page.branch) throw new BboltError(`bucket ${bucket} is no leaf`);
  return page;
}

function pageOf(name: string, bytes: Buffer): Page {
  const flags = bytes.readUInt16LE(8);
  const count = bytes.readUInt16LE(10);
  if (flags !== branchFlag && flags !== leafFlag) throw new BboltError(`${name} is neither branch nor leaf`);
  if (pageHeaderBytes + count * elementBytes > bytes.length) {
    throw new BboltError(`${name} has more elements than room`);
  }
  return { branch: flags === branchFlag, count, bytes };
}

/** Leaves below `root`, in order. A page is visited once: there are no more of them than the file has room for. */
async function* walk(reader: PageReader, root: bigint): AsyncGenerator<LeafElement> {
  const seen = new Set<bigint>();
  const path: { readonly children: readonly bigint[]; next: number }[] = [{ children: [root], next: 0 }];
  for (let level = path.at(-1); level !== undefined; level = path.at(-1)) {
    const id = level.children[level.next++];
    if (id === undefined) {
      path.pop();
      continue;
    }
    if (seen.has(id)) throw new BboltError(`page ${id} stands in a tree twice`);
    seen.add(id);
    const page = await reader(id);
    if (!page.branch) {
      yield* leafElements(page);
      continue;
    }
    if (path.length >= deepest) throw new BboltError(`a tree is more than ${deepest} pages deep`);
    path.push({ children: branchChildren(page), next: 0 });
  }
}

function branchChildren({ count, bytes }: Page): bigint[] {
  return Array.from({ length: count }, (_, index) =>
    bytes.readBigUInt64LE(pageHeaderBytes + index * elementBytes + 8),
  );
}

function* leafElements({ count, bytes }: Page): Generator<LeafElement> {
  for (let index = 0; index < count; index++) {
    const at = pageHeaderBytes + index * elementBytes;
    // Counted from the element itself.
    const keyAt = at + bytes.readUInt32LE(at + 4);
    const valueAt = keyAt + bytes.readUInt32LE(at + 8);
    const end = valueAt + bytes.readUInt32LE(at + 12);
    if (end > bytes.length) throw new BboltError("an entry reaches beyond its page");
    yield {
      key: bytes.subarray(keyAt, valueAt),
      value: bytes.subarray(valueAt, end),
      isBucket: (bytes.readUInt32LE(at) & bucketFlag) !== 0,
    };
  }
}
