import { CheckInconsistAction as Action, CheckInconsistClass as Class } from "../../gen/chk/chk_pb.ts";
import type { EnginePool, Finding } from "./check-findings.ts";
import type { CheckUpcalls } from "./check-upcalls.ts";
import { Der, DerError } from "./der.ts";
import { askRank, type Engine, onRanks, rankOf } from "./engine.ts";
import { destroyShard } from "./handlers/pool.ts";
import type { Replica } from "./replicas.ts";

/** What this engine has of pools. */
export function localPools(engine: Engine): EnginePool[] {
  const rank = rankOf(engine);
  const shards = new Set(engine.shards.list().map((s) => s.uuid));
  const copies = new Map(engine.replicas.list().map((r): [string, Replica] => [r.uuid, r]));
  return [...new Set([...shards, ...copies.keys()])].map((uuid) => ({
    rank,
    uuid,
    hasShard: shards.has(uuid),
    replica: copies.get(uuid),
  }));
}

/** What the ranks have of pools. @throws DerError when one does not answer */
export async function poolsOfRanks(engine: Engine, ranks: readonly number[]): Promise<EnginePool[]> {
  const lists = await onRanks(ranks, async (rank) =>
    rank === rankOf(engine)
      ? localPools(engine)
      : ((await askRank(engine, rank, "check.list", {})) as EnginePool[]),
  );
  return [...lists.values()].flat();
}

/** Makes this engine's copy the only replica: the way out when there is no majority. */
export async function dictate(engine: Engine, uuid: string): Promise<void> {
  const replica = engine.replicas.get(uuid);
  if (replica === undefined) throw new DerError(Der.NOTREPLICA, `no replica of pool ${uuid} here`);
  const only = [rankOf(engine)];
  await engine.replicas.write({
    uuid,
    term: replica.promised + 1,
    index: replica.index + 1,
    pool: { ...replica.pool, replicas: only },
    before: only,
  });
}

/**
 * Does what was decided about a finding.
 * @param ranks those that take part in the check
 */
export async function repairFinding(
  engine: Engine,
  upcalls: CheckUpcalls,
  ranks: readonly number[],
  seq: number,
  finding: Finding,
  action: Action,
): Promise<void> {
  const { uuid, label, rank } = finding;
  const service = finding.service ?? { label, replicas: [] };
  const discard = () => onRanks(ranks, (r) => destroyShard(engine, r, uuid));
  switch (finding.cls) {
    case Class.CIC_POOL_NONEXIST_ON_ENGINE:
      return upcalls.deregister(seq, uuid);
    case Class.CIC_POOL_NONEXIST_ON_MS:
      if (action === Action.CIA_READD) return upcalls.register(seq, uuid, service);
      await discard();
      return;
    case Class.CIC_POOL_LESS_SVC_WITHOUT_QUORUM:
      if (action === Action.CIA_TRUST_PS) {
        if (rank === rankOf(engine)) await dictate(engine, uuid);
        else await askRank(engine, rank, "check.dictate", { uuid });
        return upcalls.register(seq, uuid, { label: service.label, replicas: [rank] });
      }
      await discard();
      if (finding.onMs) await upcalls.deregister(seq, uuid);
      return;
    case Class.CIC_POOL_BAD_LABEL:
      if (action === Action.CIA_TRUST_PS) return upcalls.register(seq, uuid, service);
      await engine.services.call(uuid, service.replicas, { op: "set-label", label });
      return;
    case Class.CIC_POOL_BAD_SVCL:
      return upcalls.register(seq, uuid, { label, replicas: service.replicas });
    case Class.CIC_ENGINE_NONEXIST_IN_MAP:
      return destroyShard(engine, rank, uuid);
    case Class.CIC_ENGINE_HAS_NO_STORAGE:
      await engine.services.call(uuid, service.replicas, { op: "lose-rank", rank });
      return;
    default:
      throw new DerError(Der.NOSYS, `no repair for class ${finding.cls}`);
  }
}
