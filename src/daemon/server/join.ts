import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import {
  isManagementUnreachable,
  isNotReady,
  isRetryableConnectionError,
  isTimeout,
} from "../../client/connection-errors.ts";
import { systemField } from "../../client/context.ts";
import type { JoinAnswer, JoinRequest } from "../../engine/instance.ts";
import { errorText } from "../../faults/fault.ts";
import { NotLeaderError, NotReplicaError } from "../../faults/system.ts";
import { MgmtSvc } from "../../gen/mgmt/mgmt_pb.ts";
import { type JoinReq, JoinReqSchema, JoinResp_State, type JoinRespSchema } from "../../gen/mgmt/svc_pb.ts";
import type { Logger } from "../../log/logger.ts";
import type { Management } from "../../services/management/index.ts";
import type { Peers } from "../../services/management/peers.ts";
import { nilRank } from "../../system/ranks.ts";

/** One try is short, so that a leader that is gone is soon left for the next (2.6: SystemJoinRetryTimeout). */
const TRY_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

export interface JoinOptions {
  readonly systemName: string;
  /** Control address of this server; "0.0.0.0:port" where it is not known, and the leader sees for itself. */
  readonly selfAddr: string;
  readonly replicas: readonly string[];
  readonly peers: Peers;
  readonly log: Logger;
  /** The management service of this server when it holds a replica. */
  readonly local: Management | undefined;
  /** Resolves when that has started; rejects when it cannot. */
  localStarted(): Promise<void>;
}

const STATE = {
  [JoinResp_State.IN]: "in",
  [JoinResp_State.OUT]: "out",
  [JoinResp_State.CHECK]: "check",
} as const;

function isWorthRetrying(error: unknown): boolean {
  return (
    isNotReady(error) ||
    isTimeout(error) ||
    isRetryableConnectionError(error) ||
    isManagementUnreachable(error) ||
    error instanceof NotLeaderError ||
    error instanceof NotReplicaError
  );
}

/** Nobody leads yet, or again. */
function isLeaderless(error: unknown): boolean {
  return isNotReady(error) || (error instanceof NotLeaderError && error.leaderHint === "");
}

/** Waits, or rejects at once when `signal` is aborted. */
async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  const timer = Promise.withResolvers<void>();
  const timeout = setTimeout(timer.resolve, durationMs);
  const abort = () => timer.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await timer.promise;
  } finally {
    clearTimeout(timeout);
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Makes an engine a member of the system. Tries until there is an answer: whoever waits here has nothing
 * better to do, and elections, restarts and late formats of the leader all end. A leader in this very process
 * is asked directly.
 */
export function createJoin(
  options: JoinOptions,
): (request: JoinRequest, signal: AbortSignal) => Promise<JoinAnswer> {
  const { peers, local, log } = options;

  const askLocal = async (
    request: JoinReq,
    signal: AbortSignal,
  ): Promise<MessageInitShape<typeof JoinRespSchema> | undefined> => {
    const handler = local?.service.join;
    if (handler === undefined) return undefined;
    await options.localStarted();
    try {
      return await handler.handle(request, {
        method: "/mgmt.MgmtSvc/Join",
        caller: "server",
        peerAddr: options.selfAddr,
        signal,
      });
    } catch (error) {
      if (error instanceof NotLeaderError || error instanceof NotReplicaError) return undefined;
      // Ours has to be started by itself when it is alone; otherwise another one may lead already.
      if (options.replicas.length > 1 && isNotReady(error)) return undefined;
      throw error;
    }
  };

  return async (request, signal) => {
    const { ready } = request;
    const message = create(JoinReqSchema, {
      sys: systemField(options.systemName),
      uuid: request.uuid,
      rank: request.rank ?? nilRank,
      uri: ready.uri,
      nctxs: ready.nctxs,
      addr: options.selfAddr,
      srvFaultDomain: request.hostFaultDomain,
      idx: request.instance,
      incarnation: ready.incarnation,
      secondaryUris: ready.secondaryUris,
      secondaryNctxs: ready.secondaryNctxs,
      checkMode: ready.checkMode,
    });
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      signal.throwIfAborted();
      try {
        const answer =
          (await askLocal(message, signal)) ??
          (await peers.leader(MgmtSvc.method.join, options.replicas, message, {
            timeoutMs: TRY_TIMEOUT_MS,
            signal,
            // The pauses of this loop are shorter: an engine that waits for a leader serves nobody.
            failFast: isLeaderless,
          }));
        return {
          rank: answer.rank ?? 0,
          state: STATE[answer.state ?? JoinResp_State.IN],
          mapVersion: answer.mapVersion ?? 0,
        };
      } catch (error) {
        signal.throwIfAborted();
        if (!isWorthRetrying(error)) throw error;
        log.debug(`instance ${request.instance}: join not answered yet: ${errorText(error)}`);
        await pause(pauseMs, signal);
      }
    }
  };
}
