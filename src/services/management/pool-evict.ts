import { MgmtMethod } from "../../drpc/methods.ts";
import {
  type PoolEvictReq,
  PoolEvictReqSchema,
  type PoolEvictResp,
  PoolEvictRespSchema,
} from "../../gen/mgmt/pool_pb.ts";
import type { Core } from "./core.ts";
import { callPool } from "./pool-calls.ts";

/** Handles of one pool that may go in one call: bounded by the engine's packet of 128 KiB. */
const maxHandles = 2_000;

interface Batch {
  readonly request: PoolEvictReq;
  readonly result: Promise<PoolEvictResp>;
}

/**
 * Answers PoolEvict. When many agents give back handles of one pool at once (a job ends), their requests
 * that wait for the call before are joined into one.
 */
export function createPoolEvict(core: Core) {
  const waiting = new Map<string, Batch>();
  const running = new Map<string, Promise<unknown>>();

  const call = async (request: PoolEvictReq): Promise<PoolEvictResp> => {
    const { id } = request;
    const answer = await callPool(
      core,
      MgmtMethod.POOL_EVICT,
      PoolEvictReqSchema,
      request,
      PoolEvictRespSchema,
    );
    if (answer.count > 0) core.log.info(`pool ${id}: evicted ${answer.count} handle(s)`);
    return answer;
  };

  return (request: PoolEvictReq): Promise<PoolEvictResp> | PoolEvictResp => {
    core.leader();
    if (request.handles.length === 0) return call(request);
    const { id } = request;
    const open = waiting.get(id);
    if (open !== undefined && open.request.handles.length + request.handles.length <= maxHandles) {
      open.request.handles.push(...request.handles);
      return open.result;
    }
    const before = running.get(id) ?? Promise.resolve();
    const start = (): Promise<PoolEvictResp> => {
      if (waiting.get(id)?.request === request) waiting.delete(id);
      return call(request);
    };
    const result = before.then(start, start);
    waiting.set(id, { request, result });
    running.set(id, result);
    const forget = (): void => {
      if (running.get(id) === result) running.delete(id);
    };
    result.then(forget, forget);
    return result;
  };
}
