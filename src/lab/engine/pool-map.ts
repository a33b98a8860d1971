import { Der, DerError } from "./der.ts";

/** States of a target or an engine in a pool map, as the pool service of 2.6 names them. */
export type ComponentState = "NEW" | "UP" | "UPIN" | "DOWN" | "DRAIN" | "DOWNOUT";

export interface PoolTarget {
  /** Number of the target in the whole pool. */
  readonly id: number;
  readonly rank: number;
  /** Number of the target in its engine. */
  readonly index: number;
  readonly state: ComponentState;
  readonly inVersion: number;
  readonly outVersion: number;
  readonly failSeq: number;
}

export interface PoolEngine {
  readonly rank: number;
  readonly state: ComponentState;
  /** The node the engine belongs to: id of the lowest fault domain. */
  readonly node: number;
}

/** Immutable; every change makes a new map with a higher version. */
export interface PoolMap {
  readonly version: number;
  readonly engines: readonly PoolEngine[];
  readonly targets: readonly PoolTarget[];
}

/** What can be done to targets. FINISH ends a rebuild, EXCLUDE_OUT skips it. */
export type MapOperation = "EXCLUDE" | "DRAIN" | "REINTEGRATE" | "EXTEND" | "FINISH" | "EXCLUDE_OUT";

/** One changed target, for the log. */
export interface TargetChange {
  readonly target: PoolTarget;
  readonly from: ComponentState;
}

export interface MapUpdate {
  readonly map: PoolMap;
  readonly changes: readonly TargetChange[];
}

/** A new pool's map: version 1, everything up and in. */
export function newPoolMap(engines: readonly { rank: number; node: number; targets: number }[]): PoolMap {
  const targets: PoolTarget[] = [];
  for (const engine of engines) {
    for (let index = 0; index < engine.targets; index++) {
      targets.push(newTarget(targets.length, engine.rank, index, "UPIN", 1));
    }
  }
  return {
    version: 1,
    engines: engines.map(({ rank, node }) => ({ rank, node, state: "UPIN" as const })),
    targets,
  };
}

function newTarget(
  id: number,
  rank: number,
  index: number,
  state: ComponentState,
  version: number,
): PoolTarget {
  return { id, rank, index, state, inVersion: version, outVersion: 0, failSeq: 1 };
}

/** Targets that serve no data: what a query counts as disabled. */
export function isDisabled(target: Pick<PoolTarget, "state">): boolean {
  return target.state === "DOWN" || target.state === "DOWNOUT";
}

/** An engine may hold a pool service replica only in these states. */
export function mayServe(engine: Pick<PoolEngine, "state">): boolean {
  return engine.state === "UP" || engine.state === "UPIN" || engine.state === "DRAIN";
}

/** Ranks of which every target serves, or (enabled false) of which at least one does not. */
export function ranksByHealth(map: PoolMap, enabled: boolean): number[] {
  const failed = new Set(map.targets.filter(isDisabled).map((t) => t.rank));
  return map.engines
    .map((e) => e.rank)
    .filter((rank) => failed.has(rank) !== enabled)
    .sort((a, b) => a - b);
}

/**
 * The targets of a rank, or those of the given indices.
 * @throws DerError DER_NONEXIST when the pool has not all of them.
 */
export function findTargets(map: PoolMap, rank: number, indices: readonly number[]): number[] {
  const ofRank = map.targets.filter((t) => t.rank === rank);
  const wanted = indices.length === 0 ? ofRank.map((t) => t.index) : indices;
  const ids = wanted.map((index) => ofRank.find((t) => t.index === index)?.id);
  if (ids.length === 0 || ids.includes(undefined)) {
    throw new DerError(Der.NONEXIST, `pool has no rank ${rank} target ${wanted.join(",")}`);
  }
  return ids as number[];
}

/** undefined: nothing to do; throws when the state forbids it. */
function nextState(operation: MapOperation, target: PoolTarget): ComponentState | undefined {
  const busy = () => {
    throw new DerError(Der.BUSY, `rank ${target.rank} target ${target.index} is ${target.state}`);
  };
  switch (operation) {
    case "EXCLUDE":
      if (target.state === "NEW") throw new DerError(Der.NOSYS, "a new target cannot be excluded");
      return isDisabled(target) ? undefined : "DOWN";
    case "DRAIN":
      if (target.state === "NEW" || target.state === "UP") return busy();
      return target.state === "UPIN" ? "DRAIN" : undefined;
    case "REINTEGRATE":
      if (target.state === "NEW" || target.state === "DRAIN") return busy();
      return isDisabled(target) ? "UP" : undefined;
    case "EXTEND":
      if (isDisabled(target) || target.state === "DRAIN") return busy();
      return target.state === "NEW" ? "UP" : undefined;
    case "FINISH":
      if (target.state === "UP") return "UPIN";
      return target.state === "DOWN" || target.state === "DRAIN" ? "DOWNOUT" : undefined;
    case "EXCLUDE_OUT":
      return target.state === "DOWN" || target.state === "DRAIN" ? "DOWNOUT" : undefined;
  }
}

function nextEngineState(
  operation: MapOperation,
  engine: PoolEngine,
  targets: readonly PoolTarget[],
  wholeRank: boolean,
): ComponentState {
  switch (operation) {
    case "REINTEGRATE":
      return isDisabled(engine) ? "UP" : engine.state;
    case "EXTEND":
      return engine.state === "NEW" ? "UP" : engine.state;
    case "EXCLUDE":
      // Only the loss of the rank itself takes the engine down; excluding its targets by hand does not.
      return wholeRank && !isDisabled(engine) && targets.every(isDisabled) ? "DOWN" : engine.state;
    case "FINISH":
      if (engine.state === "UP") return "UPIN";
      return engine.state === "DOWN" && targets.every(isDisabled) ? "DOWNOUT" : engine.state;
    default:
      return engine.state;
  }
}

/**
 * Applies an operation to targets (by id). The version rises by one for every target and every engine that
 * changes, as in 2.6; a map in which nothing changes is returned as it is.
 * @param wholeRank the rank itself is lost (or back), not only its targets
 * @throws DerError DER_BUSY, DER_NOSYS or DER_NONEXIST; then nothing is changed
 */
export function updateTargets(
  map: PoolMap,
  operation: MapOperation,
  ids: readonly number[],
  wholeRank = false,
): MapUpdate {
  let version = map.version;
  const targets = [...map.targets];
  const engines = [...map.engines];
  const changes: TargetChange[] = [];
  for (const id of ids) {
    const at = targets.findIndex((t) => t.id === id);
    const target = targets[at];
    if (target === undefined) throw new DerError(Der.NONEXIST, `pool has no target ${id}`);
    const state = nextState(operation, target);
    if (state !== undefined) {
      version++;
      const coming = state === "UP" || state === "UPIN";
      const changed: PoolTarget = {
        ...target,
        state,
        inVersion: coming ? version : target.inVersion,
        outVersion: state === "DOWNOUT" ? version : target.outVersion,
        failSeq: state === "DOWN" || state === "DRAIN" ? version : target.failSeq,
      };
      targets[at] = changed;
      changes.push({ target: changed, from: target.state });
    } else if (!wholeRank) {
      continue;
    }
    const engineAt = engines.findIndex((e) => e.rank === target.rank);
    const engine = engines[engineAt];
    if (engine === undefined) throw new DerError(Der.NONEXIST, `pool has no rank ${target.rank}`);
    const siblings = targets.filter((t) => t.rank === engine.rank);
    const engineState = nextEngineState(operation, engine, siblings, wholeRank);
    if (engineState !== engine.state) {
      version++;
      engines[engineAt] = { ...engine, state: engineState };
    }
  }
  if (version === map.version) return { map, changes: [] };
  return { map: { version, engines, targets }, changes };
}

/** Adds engines with NEW targets and starts to fill them; ranks the pool has already are left alone. */
export function extendMap(
  map: PoolMap,
  added: readonly { rank: number; node: number; targets: number }[],
): MapUpdate & { readonly ids: readonly number[] } {
  const known = new Set(map.engines.map((e) => e.rank));
  const fresh = added.filter((e) => !known.has(e.rank));
  const targets = [...map.targets];
  let nextId = Math.max(-1, ...targets.map((t) => t.id)) + 1;
  for (const engine of fresh) {
    for (let index = 0; index < engine.targets; index++) {
      targets.push({ ...newTarget(nextId++, engine.rank, index, "NEW", 0) });
    }
  }
  const grown: PoolMap =
    fresh.length === 0
      ? map
      : {
          version: map.version + 1,
          engines: [
            ...map.engines,
            ...fresh.map(({ rank, node }) => ({ rank, node, state: "NEW" as const })),
          ],
          targets,
        };
  const ranks = new Set(added.map((e) => e.rank));
  const ids = targets.filter((t) => ranks.has(t.rank)).map((t) => t.id);
  return { ...updateTargets(grown, "EXTEND", ids), ids };
}
