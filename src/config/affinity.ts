import type { Logger } from "../log/logger.ts";
import type { EngineConfig, ServerConfig } from "./types.ts";

/** The NUMA node that an engine's network interface is on; undefined when that cannot be told. */
export type EngineAffinity = (engine: EngineConfig) => number | undefined;

/**
 * Settles on which cores each engine runs, as 2.6 does at start. One engine with `first_core` in use makes
 * all of them count cores from there ("legacy"); else each is pinned to its configured node, or to that of
 * its interface, or to node 0. A sole engine on node 0 is left unpinned, so that it may use all cores.
 */
export function settleAffinity(config: ServerConfig, affinity: EngineAffinity, log: Logger): void {
  const legacy = config.engines.some(
    ({ firstCore, pinnedNumaNode }) =>
      firstCore !== undefined && !(firstCore === 0 && pinnedNumaNode !== undefined),
  );
  for (const engine of config.engines) {
    if (legacy) {
      if (engine.pinnedNumaNode !== undefined) {
        log.info(`pinned_numa_node setting ignored on engine ${engine.index}`);
        delete engine.pinnedNumaNode;
      }
      continue;
    }
    if (engine.firstCore !== undefined) {
      log.info(`first_core setting ignored on engine ${engine.index}`);
      delete engine.firstCore;
    }
    pin(engine, affinity(engine), config.engines.length === 1, log);
  }
}

function pin(engine: EngineConfig, detected: number | undefined, alone: boolean, log: Logger): void {
  const node = detected ?? 0;
  if (alone && engine.pinnedNumaNode === undefined && node === 0) return;
  if (engine.pinnedNumaNode === undefined) {
    engine.pinnedNumaNode = node;
  } else if (engine.pinnedNumaNode !== node) {
    log.notice(
      `engine ${engine.index}: configured NUMA node ${engine.pinnedNumaNode} does not match detected NUMA node ${node}`,
    );
  }
}
