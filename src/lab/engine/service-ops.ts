import { Der, DerError } from "./der.ts";
import {
  changeProperties,
  changeTargets,
  deleteFromAcl,
  extendPool,
  finishRebuild,
  loseRank,
  overwriteAcl,
  type Pool,
  type PoolChange,
  type PoolContainer,
  type PoolHandle,
  type RebuildTask,
  updateAcl,
} from "./pool.ts";
import type { TargetChange } from "./pool-map.ts";
import { addContainer, connect, evict, removeContainer, setContainerOwner } from "./pool-use.ts";
import { PoolProp, type PropertyValue, poolGlobalVersion } from "./props.ts";

/** Everything a pool service can be asked, with its arguments. The leader applies it to its document. */
export type ServiceOp =
  | { readonly op: "read" }
  | { readonly op: "set-properties"; readonly changes: { number: number; value: PropertyValue }[] }
  | { readonly op: "overwrite-acl" | "update-acl"; readonly entries: string[] }
  | { readonly op: "delete-acl"; readonly principal: string }
  | {
      readonly op: "change-targets";
      readonly kind: "EXCLUDE" | "DRAIN" | "REINTEGRATE";
      readonly rank: number;
      readonly indices: number[];
    }
  | { readonly op: "lose-rank"; readonly rank: number }
  | { readonly op: "finish-rebuild" }
  | { readonly op: "extend"; readonly engines: { rank: number; node: number; targets: number }[] }
  | {
      readonly op: "evict";
      readonly handles?: string[];
      readonly machine?: string;
      readonly destroy?: boolean;
      readonly force?: boolean;
    }
  | { readonly op: "upgrade" }
  | { readonly op: "connect"; readonly handle: PoolHandle }
  | { readonly op: "disconnect"; readonly handle: string }
  | { readonly op: "create-container"; readonly container: PoolContainer }
  | { readonly op: "destroy-container"; readonly uuid: string }
  | {
      readonly op: "set-container-owner";
      readonly uuid: string;
      readonly owner: string;
      readonly group: string;
    }
  | { readonly op: "set-label"; readonly label: string };

/** What an operation did. The pool is the same object when nothing is to be kept. */
export interface Outcome {
  readonly pool: Pool;
  /** For the caller, beside the new document. */
  readonly count: number;
  readonly changes: readonly TargetChange[];
  readonly queued: RebuildTask | undefined;
}

function simply(pool: Pool, count = 0): Outcome {
  return { pool, count, changes: [], queued: undefined };
}

function changed({ pool, changes, queued }: PoolChange): Outcome {
  return { pool, count: 0, changes, queued };
}

/**
 * Applies one operation to a pool; pure.
 * @throws DerError as the pool service of 2.6 refuses it
 */
export function applyServiceOp(pool: Pool, request: ServiceOp): Outcome {
  switch (request.op) {
    case "read":
      return simply(pool);
    case "set-properties":
      return simply(changeProperties(pool, request.changes));
    case "set-label":
      return simply({ ...pool, properties: { ...pool.properties, [PoolProp.LABEL]: request.label } });
    case "overwrite-acl":
      return simply(overwriteAcl(pool, request.entries));
    case "update-acl":
      return simply(updateAcl(pool, request.entries));
    case "delete-acl":
      return simply(deleteFromAcl(pool, request.principal));
    case "change-targets":
      return changed(changeTargets(pool, request.kind, request.rank, request.indices));
    case "lose-rank":
      return changed(loseRank(pool, request.rank));
    case "finish-rebuild":
      return changed(finishRebuild(pool));
    case "extend":
      return changed(extendPool(pool, request.engines));
    case "evict": {
      const { pool: next, count } = evict(pool, request);
      return simply(next, count);
    }
    case "upgrade":
      return simply(upgraded(pool));
    case "connect":
      return simply(connect(pool, request.handle));
    case "disconnect":
      return simply({ ...pool, handles: pool.handles.filter((h) => h.uuid !== request.handle) });
    case "create-container":
      return simply(addContainer(pool, request.container));
    case "destroy-container":
      return simply(removeContainer(pool, request.uuid));
    case "set-container-owner":
      return simply(setContainerOwner(pool, request.uuid, request.owner, request.group));
    default:
      throw new DerError(Der.NOSYS, `unknown pool operation ${(request as { op: string }).op}`);
  }
}

/** Pools of the emulated engine are of the newest layout always; the request is noted as done. */
function upgraded(pool: Pool): Pool {
  if (pool.properties[PoolProp.GLOBAL_VERSION] === BigInt(poolGlobalVersion)) return pool;
  const properties = {
    ...pool.properties,
    [PoolProp.GLOBAL_VERSION]: BigInt(poolGlobalVersion),
    [PoolProp.UPGRADE_STATUS]: 2n,
  };
  return { ...pool, properties };
}
