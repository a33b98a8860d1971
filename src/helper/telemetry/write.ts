import { createSharedMemory } from "../../ffi/shared-memory.ts";
import * as layout from "./layout.ts";
import { removeDeadSegments } from "./leftovers.ts";

export type WrittenKind = "counter" | "gauge" | "timestamp";

const TYPES = {
  counter: layout.NodeType.Counter,
  gauge: layout.NodeType.Gauge,
  timestamp: layout.NodeType.Timestamp,
} as const;

/** A tree of metrics that is being written. */
export interface MetricTree {
  /**
   * Adds a metric; folders on the way are made. Returns how to set it.
   * @throws RangeError when the segment is full
   */
  add(path: string, kind: WrittenKind, description: string, units: string): (value: bigint) => void;
}

/** Lays a tree out in `bytes`, which lie at `address` for those who follow pointers. */
export function createMetricTree(
  bytes: Uint8Array,
  address: bigint,
  key: number,
  rootName: string,
): MetricTree {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const setPointer = (at: number, to: number) => view.setBigUint64(at, address + BigInt(to), true);
  let used: number = layout.header.sizeBytes;

  function reserve(sizeBytes: number): number {
    const at = used;
    const next = at + Math.ceil(sizeBytes / 8) * 8;
    if (next > bytes.byteLength) throw new RangeError(`no room for ${sizeBytes} bytes of metrics`);
    used = next;
    view.setBigUint64(layout.header.bytesFree, BigInt(bytes.byteLength - used), true);
    setPointer(layout.header.freeAddress, used);
    return at;
  }

  function text(value: string): number {
    const encoded = Buffer.from(`${value}\0`);
    const at = reserve(encoded.length);
    bytes.set(encoded, at);
    return at;
  }

  function newNode(name: string, type: number): number {
    const at = reserve(layout.node.sizeBytes);
    setPointer(at + layout.node.name, text(name));
    view.setUint32(at + layout.node.type, type, true);
    view.setUint32(at + layout.node.key, key, true);
    return at;
  }

  view.setBigUint64(layout.header.baseAddress, address, true);
  view.setUint32(layout.header.key, key, true);
  view.setBigUint64(layout.header.bytesTotal, BigInt(bytes.byteLength), true);
  // An empty list leads to itself.
  setPointer(layout.header.subregions, layout.header.subregions);
  setPointer(layout.header.subregions + 8, layout.header.subregions);
  const root = newNode(rootName, layout.NodeType.Directory);
  const nodes = new Map<string, number>([["", root]]);
  const lastChild = new Map<number, number>();

  function nodeAt(path: string, type: number): number {
    const known = nodes.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const parent = nodeAt(slash < 0 ? "" : path.slice(0, slash), layout.NodeType.Directory);
    const at = newNode(path.slice(slash + 1), type);
    const before = lastChild.get(parent);
    // Hung in when it is whole: somebody may be reading.
    setPointer(before === undefined ? parent + layout.node.child : before + layout.node.sibling, at);
    lastChild.set(parent, at);
    nodes.set(path, at);
    return at;
  }

  const tree: MetricTree = {
    add(path, kind, description, units) {
      const at = nodeAt(path, TYPES[kind]);
      const metric = reserve(layout.metric.sizeBytes);
      setPointer(metric + layout.metric.description, text(description));
      setPointer(metric + layout.metric.units, text(units));
      setPointer(at + layout.node.metric, metric);
      return (value) => view.setBigUint64(metric + layout.metric.data, value, true);
    },
  };
  setPointer(layout.header.root, root);
  return tree;
}

export interface SharedTree {
  readonly tree: MetricTree;
  /** Removes it. */
  close(): void;
}

/**
 * A tree in shared memory, where the server of the engine with `index` looks for it. What a dead engine with that
 * index has left makes way.
 * @throws SysError EEXIST while another engine of this host measures there
 */
export function shareMetricTree(index: number, sizeBytes: number): SharedTree {
  removeDeadSegments(index);
  const key = layout.TELEMETRY_KEY + index;
  const memory = createSharedMemory(key, sizeBytes);
  const tree = createMetricTree(memory.bytes, memory.address, key, `ID: ${index}`);
  return { tree, close: memory.close };
}
