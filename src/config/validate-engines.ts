import {
  bdevCountMismatch,
  duplicateFabric,
  duplicateLogFile,
  duplicateScmList,
  duplicateScmMount,
  helperCountMismatch,
  overlappingBdevs,
  scmClassDiffers,
  targetCountMismatch,
} from "../faults/config.ts";
import type { Fault } from "../faults/fault.ts";
import { type EngineConfig, isBdevTier, isScmTier } from "./types.ts";

/** Remembers who used a value first. */
function firstUse(): (value: string, engine: number) => number | undefined {
  const seen = new Map<string, number>();
  return (value, engine) => {
    const earlier = seen.get(value);
    if (earlier === undefined) seen.set(value, engine);
    return earlier;
  };
}

export interface EnginesReport {
  /** `key` is named from the top of the file. */
  problem(key: string, fault: Fault): void;
  /** Worth a line in the log; the server starts all the same. */
  notice(text: string): void;
}

/** What the engines of one server may not share, and what they must have in common. */
export function checkEngines(engines: readonly EngineConfig[], report: EnginesReport): void {
  const fabrics = firstUse();
  const logFiles = firstUse();
  const mounts = firstUse();
  const pmem = firstUse();
  const devices = firstUse();
  let scmClass: { name: string; engine: number } | undefined;

  for (const engine of engines) {
    const index = engine.index;
    const at = (key: string) => `engines[${index}].${key}`;
    const duplicate = (use: typeof fabrics, value: string, key: string, fault: typeof duplicateFabric) => {
      const other = use(value, index);
      if (other !== undefined) report.problem(at(key), fault(index, other));
    };

    const fabric = JSON.stringify([engine.provider, engine.fabricIface, engine.fabricIfacePort]);
    duplicate(fabrics, fabric, "fabric_iface_port", duplicateFabric);
    if (engine.logFile !== undefined) duplicate(logFiles, engine.logFile, "log_file", duplicateLogFile);

    for (const tier of engine.storage.filter(isScmTier)) {
      duplicate(mounts, tier.scmMount, `storage[${tier.tier}].scm_mount`, duplicateScmMount);
      for (const device of tier.scmList)
        duplicate(pmem, device, `storage[${tier.tier}].scm_list`, duplicateScmList);
      if (scmClass !== undefined && scmClass.name !== tier.class) {
        report.problem(at(`storage[${tier.tier}].class`), scmClassDiffers(index, scmClass.engine));
      }
      scmClass = { name: tier.class, engine: index };
    }

    for (const tier of engine.storage.filter(isBdevTier)) {
      for (const device of tier.bdevList) {
        const other = devices(device, index);
        if (other !== undefined && other !== index) {
          report.problem(at(`storage[${tier.tier}].bdev_list`), overlappingBdevs(device, index, other));
        }
      }
    }
  }
  checkCounts(engines, report);
}

function bdevCount(engine: EngineConfig): number {
  return engine.storage.filter(isBdevTier).reduce((sum, tier) => sum + tier.bdevList.length, 0);
}

function checkCounts(engines: readonly EngineConfig[], report: EnginesReport): void {
  for (const [position, engine] of engines.entries()) {
    const before = engines[position - 1];
    if (before === undefined) continue;
    const { index, targets, nrXsHelpers } = engine;
    if (targets !== before.targets) {
      const fault = targetCountMismatch(index, targets, before.index, before.targets);
      report.problem(`engines[${index}].targets`, fault);
    }
    if (nrXsHelpers !== before.nrXsHelpers) {
      const fault = helperCountMismatch(index, nrXsHelpers, before.index, before.nrXsHelpers);
      report.problem(`engines[${index}].nr_xs_helpers`, fault);
    }
    // SSDs of unlike capacity make unlike counts sensible, so 2.6 only mentions this.
    const [count, countBefore] = [bdevCount(engine), bdevCount(before)];
    if (count !== countBefore)
      report.notice(bdevCountMismatch(index, count, before.index, countBefore).message);
  }
}
