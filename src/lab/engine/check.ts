import {
  CheckInconsistAction as Action,
  CheckFlag,
  type CheckInconsistClass as Class,
  CheckInstStatus as InstStatus,
  CheckScanPhase as Phase,
  CheckPoolStatus as PoolStatus,
} from "../../gen/chk/chk_pb.ts";
import { decide, type Finding, findInconsistencies } from "./check-findings.ts";
import { poolsOfRanks, repairFinding } from "./check-repair.ts";
import { createCheckUpcalls } from "./check-upcalls.ts";
import { Der, DerError, statusOf } from "./der.ts";
import type { Engine } from "./engine.ts";

export interface Statistics {
  readonly total: number;
  readonly repaired: number;
  readonly ignored: number;
  readonly failed: number;
}

export interface CheckedPool {
  readonly uuid: string;
  readonly status: PoolStatus;
  readonly phase: Phase;
  readonly statistics: Statistics;
  /** Unix seconds; 0: not yet. */
  readonly startedAt: number;
  readonly stoppedAt: number;
  /** Ranks that have part of the pool. */
  readonly ranks: readonly number[];
}

/** A question to the administrator, by the number its report has. */
interface Pending {
  readonly seq: number;
  readonly finding: Finding;
}

/** What the check leader knows of its check. Kept, so that it survives the engine. */
export interface CheckState {
  readonly status: InstStatus;
  readonly phase: Phase;
  readonly flags: number;
  readonly policies: Readonly<Record<number, Action>>;
  readonly ranks: readonly number[];
  readonly statistics: Statistics;
  readonly startedAt: number;
  readonly stoppedAt: number;
  readonly pools: readonly CheckedPool[];
  readonly pending: readonly Pending[];
  readonly lastSeq: number;
}

const none: Statistics = { total: 0, repaired: 0, ignored: 0, failed: 0 };
const initial: CheckState = {
  status: InstStatus.CIS_INIT,
  phase: Phase.CSP_PREPARE,
  flags: 0,
  policies: {},
  ranks: [],
  statistics: none,
  startedAt: 0,
  stoppedAt: 0,
  pools: [],
  pending: [],
  lastSeq: 0,
};

export interface CheckStart {
  readonly flags: number;
  readonly ranks: readonly number[];
  readonly uuids: readonly string[];
  readonly policies: readonly { readonly cls: Class; readonly action: Action }[];
}

export interface Checker {
  state(): CheckState;
  /**
   * Starts a check, or goes on with a paused one.
   * @returns 1 when it begins from scratch: the server forgets older findings then; 0 otherwise
   * @throws DerError DER_INVAL for contradicting flags or no ranks, DER_ALREADY while one runs
   */
  start(request: CheckStart): Promise<number>;
  /** @param uuids empty: all */
  stop(uuids: readonly string[]): Promise<void>;
  /** Answers a question. @throws DerError DER_NONEXIST for an unknown number, DER_INVAL for an unfit action */
  act(seq: number, action: Action, forAll: boolean): Promise<void>;
}

const documentName = "check";
/** The server drops older findings when it has the answer to the start; reports must come after that. */
const startDelayMs = 200;

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

function counted(statistics: Statistics, what: keyof Omit<Statistics, "total">): Statistics {
  return { ...statistics, [what]: statistics[what] + 1 };
}

export async function openChecker(engine: Engine): Promise<Checker> {
  const { documents, log } = engine;
  const upcalls = createCheckUpcalls(engine.upcalls);
  let state = ((await documents.get(documentName)) as CheckState | undefined) ?? initial;
  if (state.status === InstStatus.CIS_RUNNING) state = { ...state, status: InstStatus.CIS_PAUSED };
  let generation = 0;

  const keep = async (changes: Partial<CheckState>) => {
    state = { ...state, ...changes };
    await documents.put(documentName, state);
  };
  const changePool = (uuid: string, change: (pool: CheckedPool) => Partial<CheckedPool>) =>
    keep({ pools: state.pools.map((p) => (p.uuid === uuid ? { ...p, ...change(p) } : p)) });
  const count = async (uuid: string, what: keyof Omit<Statistics, "total">) => {
    await keep({ statistics: counted(state.statistics, what) });
    await changePool(uuid, (p) => ({ statistics: counted(p.statistics, what) }));
  };

  /** Repairs (unless it is a dry run), counts and reports one finding. */
  const settle = async (seq: number, finding: Finding, action: Action): Promise<void> => {
    let result = 0;
    if (action === Action.CIA_IGNORE) {
      await count(finding.uuid, "ignored");
    } else {
      try {
        if ((state.flags & CheckFlag.CF_DRYRUN) === 0)
          await repairFinding(engine, upcalls, state.ranks, seq, finding, action);
        await count(finding.uuid, "repaired");
      } catch (error) {
        log.error(`check: pool ${finding.uuid}: ${(error as Error).message}`);
        result = statusOf(error);
        await count(finding.uuid, "failed");
      }
    }
    await upcalls.report(seq, finding, action, result);
  };

  const finishPool = (uuid: string) => {
    const asked = state.pending.some((p) => p.finding.uuid === uuid);
    return changePool(uuid, (p) => ({
      status: asked
        ? PoolStatus.CPS_PENDING
        : p.statistics.failed > 0
          ? PoolStatus.CPS_FAILED
          : PoolStatus.CPS_CHECKED,
      phase: asked ? Phase.CSP_POOL_CLEANUP : Phase.CSP_DONE,
      stoppedAt: asked ? 0 : seconds(),
    }));
  };
  const finishCheck = async () => {
    if (state.pending.length > 0 || state.status !== InstStatus.CIS_RUNNING) return;
    await keep({ status: InstStatus.CIS_COMPLETED, phase: Phase.CSP_DONE, stoppedAt: seconds() });
  };

  const scan = async (mine: number, uuids: readonly string[]) => {
    const wanted = (uuid: string) => uuids.length === 0 || uuids.includes(uuid);
    await keep({ phase: Phase.CSP_POOL_LIST });
    const ms = await upcalls.listPools();
    const engines = await poolsOfRanks(engine, state.ranks);
    const findings = findInconsistencies(ms, engines, state.ranks).filter((f) => wanted(f.uuid));
    const all = [...new Set([...ms.map((p) => p.uuid), ...engines.map((p) => p.uuid)])].filter(wanted).sort();
    const fresh = all.map(
      (uuid): CheckedPool => ({
        uuid,
        status: PoolStatus.CPS_CHECKING,
        phase: Phase.CSP_POOL_MBS,
        statistics: none,
        startedAt: seconds(),
        stoppedAt: 0,
        ranks: engines.filter((p) => p.uuid === uuid && p.hasShard).map((p) => p.rank),
      }),
    );
    const others = state.pools.filter((p) => !all.includes(p.uuid));
    await keep({ phase: Phase.CSP_POOL_MBS, pools: [...others, ...fresh] });
    for (const uuid of all) {
      for (const finding of findings.filter((f) => f.uuid === uuid)) {
        if (generation !== mine) return;
        const auto = (state.flags & CheckFlag.CF_AUTO) !== 0;
        const action = decide(finding, state.policies[finding.cls], auto);
        const seq = state.lastSeq + 1;
        const total = (s: Statistics) => ({ ...s, total: s.total + 1 });
        await keep({ lastSeq: seq, statistics: total(state.statistics) });
        await changePool(uuid, (p) => ({ statistics: total(p.statistics) }));
        if (action === Action.CIA_INTERACT) {
          await keep({ pending: [...state.pending, { seq, finding }] });
          await upcalls.report(seq, finding, action, 0);
          continue;
        }
        await settle(seq, finding, action);
        const failed = state.pools.find((p) => p.uuid === uuid)?.statistics.failed ?? 0;
        if (failed > 0 && (state.flags & CheckFlag.CF_FAILOUT) !== 0) {
          throw new DerError(Der.IO, `check of pool ${uuid} failed`);
        }
      }
      await finishPool(uuid);
    }
    await finishCheck();
  };

  return {
    state: () => state,
    async start({ flags, ranks, uuids, policies }) {
      const both = (a: number, b: number) => (flags & a) !== 0 && (flags & b) !== 0;
      if (ranks.length === 0) throw new DerError(Der.INVAL, "no ranks given");
      if (
        both(CheckFlag.CF_FAILOUT, CheckFlag.CF_NO_FAILOUT) ||
        both(CheckFlag.CF_AUTO, CheckFlag.CF_NO_AUTO)
      ) {
        throw new DerError(Der.INVAL, "contradicting flags");
      }
      if (state.status === InstStatus.CIS_RUNNING) throw new DerError(Der.ALREADY, "a check is running");
      const goesOn =
        (flags & CheckFlag.CF_RESET) === 0 &&
        (state.status === InstStatus.CIS_PAUSED || state.status === InstStatus.CIS_STOPPED);
      const mine = ++generation;
      await keep({
        ...(goesOn ? { pending: [] } : { ...initial, lastSeq: state.lastSeq }),
        status: InstStatus.CIS_RUNNING,
        flags,
        ranks: [...ranks].sort((a, b) => a - b),
        policies: Object.fromEntries(policies.map((p) => [p.cls, p.action])),
        startedAt: seconds(),
        stoppedAt: 0,
      });
      setTimeout(() => {
        if (generation !== mine) return;
        scan(mine, uuids).catch(async (error: Error) => {
          log.error(`check failed: ${error.message}`);
          await keep({ status: InstStatus.CIS_FAILED, stoppedAt: seconds() });
        });
      }, startDelayMs);
      return goesOn ? 0 : 1;
    },
    async stop(uuids) {
      const chosen = (uuid: string) => uuids.length === 0 || uuids.includes(uuid);
      const open: readonly PoolStatus[] = [
        PoolStatus.CPS_CHECKING,
        PoolStatus.CPS_PENDING,
        PoolStatus.CPS_UNCHECKED,
      ];
      const pools = state.pools.map((p) =>
        chosen(p.uuid) && open.includes(p.status)
          ? { ...p, status: PoolStatus.CPS_STOPPED, stoppedAt: seconds() }
          : p,
      );
      const ends = state.status === InstStatus.CIS_RUNNING && !pools.some((p) => open.includes(p.status));
      if (uuids.length === 0 || ends) generation++;
      await keep({
        pools,
        pending: state.pending.filter((p) => !chosen(p.finding.uuid)),
        ...(ends || (uuids.length === 0 && state.status === InstStatus.CIS_RUNNING)
          ? { status: InstStatus.CIS_STOPPED, stoppedAt: seconds() }
          : {}),
      });
    },
    async act(seq, action, forAll) {
      const asked = state.pending.find((p) => p.seq === seq);
      if (asked === undefined) throw new DerError(Der.NONEXIST, `no question ${seq}`);
      if (!asked.finding.choices.some((c) => c.action === action)) {
        throw new DerError(Der.INVAL, `action ${action} is none of the choices`);
      }
      const alike = forAll
        ? state.pending.filter(
            (p) => p.finding.cls === asked.finding.cls && p.finding.choices.some((c) => c.action === action),
          )
        : [asked];
      if (forAll) await keep({ policies: { ...state.policies, [asked.finding.cls]: action } });
      for (const { seq: number, finding } of alike) {
        await keep({ pending: state.pending.filter((p) => p.seq !== number) });
        await settle(number, finding, action);
        await finishPool(finding.uuid);
      }
      await finishCheck();
    },
  };
}
