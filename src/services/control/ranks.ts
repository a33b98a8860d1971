import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { faultInstancesNotStopped } from "../../engine/faults.ts";
import type { ManagedInstance } from "../../engine/instance.ts";
import { daosStatusText } from "../../faults/daos-status.ts";
import { errorText } from "../../faults/fault.ts";
import type { RanksReq, RanksRespSchema } from "../../gen/ctl/ranks_pb.ts";
import { DaosRespSchema } from "../../gen/mgmt/svc_pb.ts";
import { parseRanks } from "../../system/ranks.ts";
import type { CallContext } from "../method.ts";
import type { ControlDeps } from "./deps.ts";
import { type RankResultInit, rankFailed, rankOk } from "./rank-results.ts";

type RanksResp = MessageInitShape<typeof RanksRespSchema>;

/** The engines of this server that a request of the management service is about. */
function requested(deps: ControlDeps, request: RanksReq): ManagedInstance[] {
  if (request.ranks === "") throw new Error("no ranks specified in request");
  return deps.harness.withRanks(parseRanks(request.ranks));
}

/** A rank of an instance that `withRanks` found: it has one. */
function rankOf(instance: ManagedInstance): number {
  return instance.rank() ?? 0;
}

async function prepareShutdown(instance: ManagedInstance, context: CallContext): Promise<RankResultInit> {
  const rank = rankOf(instance);
  // A rank that is down already has nothing to prepare.
  if (!instance.isReady()) return rankOk(rank, "Stopped");
  try {
    const body = new Uint8Array();
    const answer = await instance.callDrpc(MgmtMethod.PREP_SHUTDOWN, body, { signal: context.signal });
    const { status } = fromBinary(DaosRespSchema, answer);
    return status === 0
      ? rankOk(rank, "Stopping")
      : rankFailed(rank, `rank ${rank}: ${daosStatusText(status)}`);
  } catch (error) {
    return rankFailed(rank, `rank ${rank} dRPC failed: ${errorText(error)}`);
  }
}

/** Lets engines finish what they do before they are stopped. */
export async function prepShutdownRanks(
  deps: ControlDeps,
  request: RanksReq,
  context: CallContext,
): Promise<RanksResp> {
  const instances = requested(deps, request);
  return { results: await Promise.all(instances.map((instance) => prepareShutdown(instance, context))) };
}

/** Waits until all are as wanted, or the caller's deadline; the result says what is then. */
async function settle(
  instances: readonly ManagedInstance[],
  condition: (instance: ManagedInstance) => boolean,
  context: CallContext,
): Promise<void> {
  await Promise.allSettled(instances.map((instance) => instance.waitFor(condition, context.signal)));
}

/** SIGINT (SIGKILL when forced), and the exit is awaited. */
export async function stopRanks(
  deps: ControlDeps,
  request: RanksReq,
  context: CallContext,
): Promise<RanksResp> {
  const instances = requested(deps, request);
  for (const instance of instances) {
    if (instance.isStarted()) instance.stop(request.force ? "SIGKILL" : "SIGINT");
  }
  await settle(instances, (instance) => !instance.isStarted(), context);
  return {
    results: instances.map((instance) =>
      instance.isStarted()
        ? rankFailed(rankOf(instance), "system stop: rank failed to stop")
        : rankOk(rankOf(instance), "Stopped", "system stop"),
    ),
  };
}

export async function startRanks(
  deps: ControlDeps,
  request: RanksReq,
  context: CallContext,
): Promise<RanksResp> {
  const instances = requested(deps, request);
  for (const instance of instances) if (!instance.isStarted()) instance.start(request.checkMode);
  // A start that failed is over as well: no need to wait for the deadline to say so.
  await settle(instances, (instance) => instance.isReady() || instance.state() === "Errored", context);
  return {
    results: instances.map((instance) => {
      if (instance.isReady()) return rankOk(rankOf(instance), "Ready", "system start");
      const reason = instance.lastError();
      const why = reason === "" ? "" : ` (${reason})`;
      return rankFailed(rankOf(instance), `system start: rank failed to start${why}`);
    }),
  };
}

/** Forgets that storage was formatted: the engines wait for a format again. */
export async function resetFormatRanks(
  deps: ControlDeps,
  request: RanksReq,
  context: CallContext,
): Promise<RanksResp> {
  const instances = requested(deps, request);
  const ranks = new Map(instances.map((instance) => [instance, rankOf(instance)]));
  for (const [instance, rank] of ranks) {
    if (instance.isStarted()) throw faultInstancesNotStopped("reset format", rank);
  }
  for (const instance of instances) {
    await instance.removeSuperblock();
    instance.start();
  }
  await settle(instances, (instance) => instance.isAwaitingFormat(), context);
  const results: RankResultInit[] = [];
  for (const [instance, rank] of ranks) {
    const state = instance.state();
    const ok = instance.isAwaitingFormat();
    results.push(ok ? rankOk(rank, state) : rankFailed(rank, `want AwaitFormat, got ${state}`));
  }
  return { results };
}
