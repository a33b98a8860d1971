import type { MessageInitShape } from "@bufbuild/protobuf";
import { errorText, type Fault } from "../../faults/fault.ts";
import { RpcCode, RpcError } from "../../faults/rpc.ts";
import { KV, type RequestOpSchema, type TxnResponse } from "../../gen/etcd/rpc_pb.ts";
import { faultBatchTooLarge, faultOutcomeUnknown, faultStoreFailed, faultStoreFull } from "../faults.ts";
import type { StoreOp } from "../store.ts";
import { leaderFence, unchangedSince } from "./fence.ts";
import { bytes, type EtcdKeys, text } from "./keys.ts";
import { maxRequestBytes, maxTxnOps } from "./process.ts";
import type { EtcdClient } from "./rpc.ts";

type RequestOp = MessageInitShape<typeof RequestOpSchema>;

/** The commits of one term of leadership; one at a time. */
export interface CommitChain {
  /**
   * @throws LeadershipLostError when another one leads: nothing was written. Fault 600 when the store failed;
   *   it says when it is not known whether the batch was written, and then the chain is broken.
   */
  commit(ops: readonly StoreOp[]): Promise<void>;
  /** Nothing more may be committed in this term: what the last commit has done is not known. */
  broken(): boolean;
}

/** Somebody else leads. Nothing was written. */
export class LeadershipLostError extends Error {
  override readonly name = "LeadershipLostError";
}

export interface ChainStart {
  readonly keys: EtcdKeys;
  readonly term: bigint;
  /** Revision of the last commit of all terms; 0: there is none. */
  readonly lastCommit: bigint;
  /** For faults: where the system lies. */
  readonly place: string;
}

const commitTimeoutMs = 5_000;
/** How long a commit whose answer was lost is looked for. */
const resolveMs = 15_000;
const resolvePauseMs = 100;

/**
 * Each commit is one transaction that holds when nobody else has taken the leadership and when the commit before
 * it is the last one. So a commit whose answer was lost is settled by the next: either it is found to be the last,
 * or an empty one takes its place, and then it can never come.
 */
export function createCommitChain(client: EtcdClient, start: ChainStart): CommitChain {
  const { keys, term, place } = start;
  let lastCommit = start.lastCommit;
  let count = 0;
  let broken = false;

  const unknown = (reason: string): Fault => {
    broken = true;
    return faultOutcomeUnknown(place, reason);
  };

  const transact = (name: string, ops: readonly StoreOp[]): Promise<TxnResponse> =>
    client.call(
      KV.method.txn,
      {
        compare: [...leaderFence(keys.leader, term), unchangedSince(keys.commit, lastCommit)],
        success: [...dedupe(ops).map((op) => requestOp(keys, op)), put(bytes(keys.commit), name)],
        failure: [read(keys.leader), read(keys.commit)],
      },
      commitTimeoutMs,
    );

  /** What etcd's answer says of the commit `name`: written, or why not. */
  const settle = (name: string, answer: TxnResponse): "written" | "not leader" | "other commit" => {
    if (answer.succeeded) {
      lastCommit = answer.header?.revision ?? 0n;
      return "written";
    }
    const [leader, commit] = answer.responses.map((one) =>
      one.response.case === "responseRange" ? one.response.value.kvs[0] : undefined,
    );
    if (commit !== undefined && text(commit.value) === name) {
      lastCommit = commit.modRevision;
      return "written";
    }
    return leader?.modRevision === term ? "other commit" : "not leader";
  };

  /** Finds out about a commit whose answer was lost. */
  const resolve = async (name: string, lost: unknown): Promise<void> => {
    const deadlineMs = performance.now() + resolveMs;
    const before = lastCommit;
    for (let attempt = 0; performance.now() < deadlineMs; attempt++) {
      const empty = `${name}-void`;
      try {
        const answer = await transact(empty, []);
        const commit = answer.succeeded ? empty : nameOfLast(answer);
        const outcome = settle(commit === name ? name : empty, answer);
        if (commit === name) return;
        if (outcome === "written") throw new SettledError(faultStoreFailed(place, errorText(lost)));
        // Another leader's commits came after ours, or instead of it.
        if (lastCommitOf(answer) === before)
          throw new SettledError(new LeadershipLostError("another replica leads"));
        throw new SettledError(unknown(errorText(lost)));
      } catch (error) {
        if (error instanceof SettledError) throw error.outcome;
        await Bun.sleep(Math.min(resolvePauseMs * (attempt + 1), 1000));
      }
    }
    throw unknown(errorText(lost));
  };

  return {
    broken: () => broken,
    async commit(ops) {
      const name = `${term}-${++count}`;
      let answer: TxnResponse;
      try {
        answer = await transact(name, ops);
      } catch (error) {
        const refusal = refusalOf(error, place);
        if (refusal !== undefined) throw refusal;
        return resolve(name, error);
      }
      switch (settle(name, answer)) {
        case "written":
          return;
        case "not leader":
          throw new LeadershipLostError("another replica leads");
        case "other commit":
          throw unknown("the last commit is not ours, although we lead");
      }
    },
  };
}

/** Carries what is known for certain out of the loop that tries again. */
class SettledError extends Error {
  constructor(readonly outcome: Error) {
    super(outcome.message);
  }
}

function lastOf(answer: TxnResponse) {
  const commit = answer.responses[1]?.response;
  return commit?.case === "responseRange" ? commit.value.kvs[0] : undefined;
}

function nameOfLast(answer: TxnResponse): string {
  const last = lastOf(answer);
  return last === undefined ? "" : text(last.value);
}

function lastCommitOf(answer: TxnResponse): bigint {
  return lastOf(answer)?.modRevision ?? 0n;
}

/** etcd said no before it did anything: a fault that says so, undefined when it is not known. */
function refusalOf(error: unknown, place: string): Fault | undefined {
  if (!(error instanceof RpcError)) return undefined;
  if (error.message.includes("database space exceeded")) return faultStoreFull(place);
  if (error.message.includes("request is too large") || error.message.includes("too many operations")) {
    return faultBatchTooLarge(place, errorText(error));
  }
  if (error.code === RpcCode.InvalidArgument) return faultStoreFailed(place, errorText(error));
  return undefined;
}

/** A key may be named once in a transaction: its last value counts. */
function dedupe(ops: readonly StoreOp[]): StoreOp[] {
  return [...new Map(ops.map((op) => [op.key, op])).values()];
}

function requestOp(keys: EtcdKeys, op: StoreOp): RequestOp {
  const key = keys.record(op.key);
  if (op.value === undefined) {
    return { request: { case: "requestDeleteRange", value: { key } } };
  }
  return put(key, op.value);
}

function put(key: Uint8Array, value: string): RequestOp {
  return { request: { case: "requestPut", value: { key, value: bytes(value) } } };
}

function read(key: string): RequestOp {
  return { request: { case: "requestRange", value: { key: bytes(key) } } };
}

/** Whether a batch fits into one transaction; batches that wait together are joined only as far as it does. */
export function fitsTransaction(ops: readonly StoreOp[]): boolean {
  // Two more operations belong to the chain; a key and its framing take a few dozen bytes.
  if (ops.length > maxTxnOps - 8) return false;
  let size = 0;
  for (const { key, value } of ops)
    size += key.length * 3 + (value === undefined ? 0 : value.length * 3) + 64;
  return (
    size <= maxRequestBytes ||
    Buffer.byteLength(ops.map(({ value }) => value ?? "").join("")) < maxRequestBytes * 0.9
  );
}
