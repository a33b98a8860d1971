import { CheckInconsistAction as Action, CheckInconsistClass as Class } from "../../gen/chk/chk_pb.ts";
import type { Pool } from "./pool.ts";
import { defaultLabel, PoolProp } from "./props.ts";

/** A pool as the management service has it. */
export interface MsPool {
  readonly uuid: string;
  readonly label: string;
  readonly replicas: readonly number[];
}

/** What one engine has of a pool. */
export interface EnginePool {
  readonly rank: number;
  readonly uuid: string;
  readonly hasShard: boolean;
  /** Its copy of the pool service's document, with the copy's age. */
  readonly replica: { readonly term: number; readonly index: number; readonly pool: Pool } | undefined;
}

/** Something that does not fit together, and what can be done about it, the suggested thing first. */
export interface Finding {
  readonly cls: Class;
  readonly uuid: string;
  readonly label: string;
  readonly rank: number;
  /** The management service has the pool. */
  readonly onMs: boolean;
  readonly message: string;
  readonly choices: readonly { readonly action: Action; readonly text: string }[];
  /** What the pool service says, where there is one: to register with, or to repair. */
  readonly service: { readonly label: string; readonly replicas: readonly number[] } | undefined;
}

/** Pool label of a document, "" when it was never set. */
export function labelOf(pool: Pool): string {
  const label = pool.properties[PoolProp.LABEL];
  return typeof label === "string" && label !== defaultLabel ? label : "";
}

const ignore = (text: string) => ({ action: Action.CIA_IGNORE, text });

/**
 * Compares what the management service and the engines have of pools. Pure.
 * @param ranks the ranks that take part; others are not known to have lost anything
 */
export function findInconsistencies(
  msPools: readonly MsPool[],
  enginePools: readonly EnginePool[],
  ranks: readonly number[],
): Finding[] {
  const findings: Finding[] = [];
  const uuids = [...new Set([...msPools.map((p) => p.uuid), ...enginePools.map((p) => p.uuid)])].sort();
  for (const uuid of uuids) {
    const ms = msPools.find((p) => p.uuid === uuid);
    const here = enginePools.filter((p) => p.uuid === uuid);
    findings.push(...findingsOfPool(uuid, ms, here, ranks));
  }
  return findings;
}

function findingsOfPool(
  uuid: string,
  ms: MsPool | undefined,
  here: readonly EnginePool[],
  ranks: readonly number[],
): Finding[] {
  const copies = here.flatMap(({ rank, replica }) => (replica === undefined ? [] : [{ rank, ...replica }]));
  const newest = copies.toSorted((a, b) => b.term - a.term || b.index - a.index)[0];
  const shards = here.filter((p) => p.hasShard).map((p) => p.rank);
  const service =
    newest === undefined ? undefined : { label: labelOf(newest.pool), replicas: newest.pool.replicas };
  const label = ms?.label || service?.label || "";
  const base = { uuid, label, service, onMs: ms !== undefined, rank: newest?.rank ?? shards[0] ?? 0 };

  if (ms !== undefined && here.length === 0) {
    return [
      {
        ...base,
        cls: Class.CIC_POOL_NONEXIST_ON_ENGINE,
        message: "Check leader detects dangling pool.\n",
        choices: [
          { action: Action.CIA_DISCARD, text: "Discard the dangling pool entry from MS [suggested]." },
          ignore("Keep the dangling pool entry on MS, repair nothing."),
        ],
      },
    ];
  }
  const alive = copies.filter((c) => newest?.pool.replicas.includes(c.rank));
  if (newest === undefined || alive.length * 2 <= newest.pool.replicas.length) {
    const discard = { action: Action.CIA_DISCARD, text: "Discard the pool without enough service replicas." };
    const trust = {
      action: Action.CIA_TRUST_PS,
      text: "Start the pool service from what is left of it [suggested].",
    };
    return [
      {
        ...base,
        cls: Class.CIC_POOL_LESS_SVC_WITHOUT_QUORUM,
        message: "Check leader detects corrupted pool without quorum.\n",
        choices: [
          ...(newest === undefined ? [] : [trust]),
          discard,
          ignore("Keep the pool, repair nothing."),
        ],
      },
    ];
  }
  const found: Finding[] = [];
  if (ms === undefined) {
    found.push({
      ...base,
      cls: Class.CIC_POOL_NONEXIST_ON_MS,
      message: "Check leader detects orphan pool.\n",
      choices: [
        { action: Action.CIA_READD, text: "Re-add the orphan pool back to MS [suggested]." },
        { action: Action.CIA_DISCARD, text: "Destroy the orphan pool to release space." },
        ignore("Keep the orphan pool on engines, repair nothing."),
      ],
    });
  } else {
    if (ms.label !== service?.label) {
      const trustMs = { action: Action.CIA_TRUST_MS, text: `Trust MS pool label: ${ms.label}` };
      const trustPs = { action: Action.CIA_TRUST_PS, text: `Trust PS pool label: ${service?.label}` };
      found.push({
        ...base,
        cls: Class.CIC_POOL_BAD_LABEL,
        message: `Check leader detects corrupted pool label: ${ms.label} (MS) vs ${service?.label} (PS).\n`,
        choices: [
          ...(ms.label === "" ? [trustPs, trustMs] : [trustMs, trustPs]).map((choice, i) => ({
            ...choice,
            text: `${choice.text}${i === 0 ? " [suggested]" : ""}.`,
          })),
          ignore("Keep the inconsistent pool label, repair nothing."),
        ],
      });
    }
    if (!sameRanks(ms.replicas, service?.replicas ?? [])) {
      found.push({
        ...base,
        cls: Class.CIC_POOL_BAD_SVCL,
        message: "Check leader detects wrong pool service replicas on MS.\n",
        choices: [
          { action: Action.CIA_TRUST_PS, text: "Trust the replicas the pool service has [suggested]." },
          ignore("Keep the replicas on MS, repair nothing."),
        ],
      });
    }
  }
  for (const rank of shards) {
    if (newest.pool.map.engines.some((e) => e.rank === rank)) continue;
    found.push({
      ...base,
      rank,
      cls: Class.CIC_ENGINE_NONEXIST_IN_MAP,
      message: `Check engine detects orphan rank ${rank} in pool.\n`,
      choices: [
        { action: Action.CIA_DISCARD, text: "Destroy the orphan pool part to release space [suggested]." },
        ignore("Keep the orphan pool part, repair nothing."),
      ],
    });
  }
  for (const engine of newest.pool.map.engines) {
    const serving = engine.state === "UPIN" || engine.state === "UP";
    if (!serving || !ranks.includes(engine.rank) || shards.includes(engine.rank)) continue;
    found.push({
      ...base,
      rank: engine.rank,
      cls: Class.CIC_ENGINE_HAS_NO_STORAGE,
      message: `Check engine detects that rank ${engine.rank} has lost its part of the pool.\n`,
      choices: [
        { action: Action.CIA_DISCARD, text: "Mark the rank as down in the pool map [suggested]." },
        ignore("Keep the pool map, repair nothing."),
      ],
    });
  }
  return found;
}

function sameRanks(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((rank) => b.includes(rank));
}

/** How a policy decides about a finding. Unfit policies ask, as in 2.6. */
export function decide(
  finding: Finding,
  policy: Action | undefined,
  auto: boolean,
): Action | typeof Action.CIA_INTERACT {
  const fits = (action: Action) => finding.choices.some((c) => c.action === action);
  if (policy === undefined || policy === Action.CIA_DEFAULT)
    return (finding.choices[0] as { action: Action }).action;
  if (fits(policy)) return policy;
  if (finding.cls === Class.CIC_POOL_NONEXIST_ON_MS) {
    if (policy === Action.CIA_TRUST_PS) return Action.CIA_READD;
    if (policy === Action.CIA_TRUST_MS) return Action.CIA_DISCARD;
  }
  if (finding.cls === Class.CIC_POOL_NONEXIST_ON_ENGINE && policy === Action.CIA_TRUST_PS)
    return Action.CIA_DISCARD;
  // Whoever wants no questions gets a report only.
  return auto ? Action.CIA_IGNORE : Action.CIA_INTERACT;
}
