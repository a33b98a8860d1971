import { errorText } from "../../faults/fault.ts";
import { copySharedMemory, findSharedMemory } from "../../ffi/shared-memory.ts";
import { TELEMETRY_KEY } from "./layout.ts";
import { removeDeadSegments } from "./leftovers.ts";
import { descendsFrom, isAlive } from "./processes.ts";
import { readMetrics } from "./read.ts";
import { prometheusText } from "./text.ts";

/** No segment of an engine is larger; what is, is something else. */
const MAX_SEGMENT_BYTES = 1024 ** 3;

function openSegment(key: number): Uint8Array | undefined {
  try {
    const segment = findSharedMemory(key);
    if (segment === undefined || segment.sizeBytes > MAX_SEGMENT_BYTES) return undefined;
    return copySharedMemory(segment);
  } catch (error) {
    console.error(errorText(error));
    return undefined;
  }
}

/** Keys are the host's: another server's engine with this index may be the one that measures there. */
function isOthers(index: number, pid: number): boolean {
  const maker = findSharedMemory(TELEMETRY_KEY + index)?.creatorPid;
  return maker !== undefined && maker !== pid && isAlive(maker) && !descendsFrom(maker, pid);
}

/**
 * `daosctl helper engine-metrics <index>:<rank>:<pid>…`: prints what the engines with these indexes on this host
 * measure, in Prometheus' text format. An engine without metrics is named on stderr. In a process of its own so
 * that nothing an engine has written can hold up or end a server.
 */
export async function printEngineMetrics(argv: readonly string[]): Promise<void> {
  const engines = argv.map((argument) => /^(\d{1,4}):(\d{1,10}):(\d{1,10})$/.exec(argument));
  if (engines.length === 0 || engines.includes(null)) {
    console.error("usage: daosctl helper engine-metrics <index>:<rank>:<pid>...");
    process.exitCode = 2;
    return;
  }
  const read = engines.flatMap((match) => {
    const index = Number(match?.[1]);
    const metrics = isOthers(index, Number(match?.[3]))
      ? undefined
      : readMetrics(TELEMETRY_KEY + index, openSegment);
    if (metrics !== undefined) return [{ rank: Number(match?.[2]), metrics }];
    console.error(`engine ${index} has no metrics in shared memory`);
    return [];
  });
  await Bun.write(Bun.stdout, prometheusText(read));
}

/** `daosctl helper forget-metrics <index>…`: removes what dead engines have left; prints how many segments. */
export function forgetMetrics(argv: readonly string[]): void {
  if (argv.length === 0 || !argv.every((argument) => /^\d{1,4}$/.test(argument))) {
    console.error("usage: daosctl helper forget-metrics <index>...");
    process.exitCode = 2;
    return;
  }
  console.log(argv.reduce((removed, index) => removed + removeDeadSegments(Number(index)), 0));
}
