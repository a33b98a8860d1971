import { Der, DerError } from "./der.ts";
import type { Pool, PoolContainer, PoolHandle } from "./pool.ts";
import { poolSpace } from "./pool-space.ts";

export interface Evict {
  /** Only these handles. */
  readonly handles?: readonly string[];
  /** Only those of this machine. */
  readonly machine?: string;
  /** The pool is about to be destroyed. */
  readonly destroy?: boolean;
  readonly force?: boolean;
}

/**
 * Closes handles; for a destroy no new ones are given afterwards.
 * @throws DerError DER_BUSY when a destroy without force finds open handles, DER_NONEXIST for unknown handles
 */
export function evict(pool: Pool, request: Evict): { pool: Pool; count: number } {
  const chosen = pool.handles.filter(
    (h) =>
      (request.handles === undefined || request.handles.includes(h.uuid)) &&
      (request.machine === undefined || request.machine === h.machine),
  );
  if (request.handles !== undefined && chosen.length !== new Set(request.handles).size) {
    throw new DerError(Der.NONEXIST, `pool ${pool.uuid} has not all of these handles`);
  }
  if (request.destroy === true && request.force !== true && chosen.length > 0) {
    throw new DerError(Der.BUSY, `pool ${pool.uuid} has ${chosen.length} open handles`);
  }
  const handles = pool.handles.filter((h) => !chosen.includes(h));
  const connectable = request.destroy === true ? false : pool.connectable;
  return { pool: { ...pool, handles, connectable }, count: chosen.length };
}

/** @throws DerError DER_BUSY while the pool is being destroyed */
export function connect(pool: Pool, handle: PoolHandle): Pool {
  if (!pool.connectable) throw new DerError(Der.BUSY, `pool ${pool.uuid} is being destroyed`);
  if (pool.handles.some((h) => h.uuid === handle.uuid)) return pool;
  return { ...pool, handles: [...pool.handles, handle] };
}

/** @throws DerError DER_EXIST for a UUID or label that is taken, DER_NOSPACE when its data does not fit */
export function addContainer(pool: Pool, container: PoolContainer): Pool {
  const taken = (c: PoolContainer) =>
    c.uuid === container.uuid || (container.label !== "" && c.label === container.label);
  if (pool.containers.some(taken)) throw new DerError(Der.EXIST, `container ${container.label} exists`);
  const { scm, nvme } = poolSpace(pool);
  if (container.usedBytes > scm.free + nvme.free) {
    throw new DerError(Der.NOSPACE, "no space for the container's data");
  }
  return { ...pool, containers: [...pool.containers, container] };
}

export function removeContainer(pool: Pool, uuid: string): Pool {
  const containers = pool.containers.filter((c) => c.uuid !== uuid);
  if (containers.length === pool.containers.length) throw new DerError(Der.NONEXIST, `no container ${uuid}`);
  return { ...pool, containers };
}

/** @throws DerError DER_NONEXIST when the pool has no such container */
export function setContainerOwner(pool: Pool, uuid: string, owner: string, group: string): Pool {
  const at = pool.containers.findIndex((c) => c.uuid === uuid);
  const container = pool.containers[at];
  if (container === undefined) throw new DerError(Der.NONEXIST, `no container ${uuid}`);
  const changed = {
    ...container,
    owner: owner || container.owner,
    ownerGroup: group || container.ownerGroup,
  };
  return { ...pool, containers: pool.containers.with(at, changed) };
}
