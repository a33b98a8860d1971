import { MgmtMethod } from "../../drpc/methods.ts";
import { daosStatusError } from "../../faults/daos-status.ts";
import { errorText } from "../../faults/fault.ts";
import { GroupUpdateReqSchema, GroupUpdateRespSchema } from "../../gen/mgmt/svc_pb.ts";
import { serviceValue } from "../../system/attributes.ts";
import { groupMap } from "../../system/group-map.ts";
import { formatRanks } from "../../system/ranks.ts";
import type { Core } from "./core.ts";
import { callEngine, isEngineNotReady } from "./engine-call.ts";

/** A change that can wait is told to the engines within this time (2.6: groupUpdateInterval). */
const lazyDelayMs = 500;
const retryDelayMs = 500;
/** No engine of ours takes calls yet: it may at any moment, or be stopped for days. */
const firstNotReadyDelayMs = 50;
const callTimeoutMs = 30_000;

export const groupUpdatePausedName = "group_update_paused";

/** Tells the engines who is in the group. */
export interface GroupUpdater {
  /** Asks for an update: at once, or soon together with others. */
  request(urgency: "now" | "soon"): void;
  stop(): void;
}

/**
 * Sends the group map to an engine of this server, which passes it on. Requests that come while one is on
 * its way are served by the next; a failure is tried again until a newer map or leadership's end. A map
 * whose version the engine has is not sent again.
 */
export function createGroupUpdater(core: Core): GroupUpdater {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueAtMs = Number.POSITIVE_INFINITY;
  let busy = false;
  let sentVersion = -1;
  let notReadyDelayMs = firstNotReadyDelayMs;

  const schedule = (delayMs: number): void => {
    if (abort.signal.aborted) return;
    const atMs = performance.now() + delayMs;
    if (atMs >= dueAtMs) return;
    dueAtMs = atMs;
    clearTimeout(timer);
    timer = setTimeout(() => void update(), delayMs);
  };

  const update = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    dueAtMs = Number.POSITIVE_INFINITY;
    let againMs: number | undefined;
    try {
      await send();
      notReadyDelayMs = firstNotReadyDelayMs;
    } catch (error) {
      if (isEngineNotReady(error)) {
        againMs = notReadyDelayMs;
        notReadyDelayMs = Math.min(notReadyDelayMs * 2, retryDelayMs);
      } else if (!abort.signal.aborted) {
        againMs = retryDelayMs;
        core.log.error(`GroupUpdate failed: ${errorText(error)}`);
      }
    }
    busy = false;
    const asked = dueAtMs !== Number.POSITIVE_INFINITY;
    // What was asked meanwhile has no timer yet: left standing it would look like one, and none would ever be set.
    dueAtMs = Number.POSITIVE_INFINITY;
    if (againMs !== undefined) schedule(againMs);
    else if (asked) schedule(0);
  };

  const send = async (): Promise<void> => {
    if (!core.isLeader()) return;
    const state = core.leader({ whileChecking: true });
    if (serviceValue(state, groupUpdatePausedName) === "true") {
      core.log.debug("group update requested, but temporarily paused");
      return;
    }
    const map = groupMap(state, core.isReplica);
    if (map.members.length === 0 || map.version <= sentVersion) return;
    const ranks = formatRanks(map.members.map((member) => member.rank));
    core.log.debug(`group update request: version: ${map.version}, ranks: ${ranks}`);
    const request = {
      mapVersion: map.version,
      engines: map.members.map(({ rank, fabricUri: uri, incarnation }) => ({ rank, uri, incarnation })),
    };
    const answer = await callEngine(
      core.deps.harness,
      MgmtMethod.GROUP_UPDATE,
      GroupUpdateReqSchema,
      request,
      GroupUpdateRespSchema,
      { timeoutMs: callTimeoutMs, signal: abort.signal },
    );
    if (answer.status !== 0) throw daosStatusError(answer.status);
    sentVersion = map.version;
  };

  return {
    request(urgency) {
      notReadyDelayMs = firstNotReadyDelayMs;
      if (busy) dueAtMs = Math.min(dueAtMs, performance.now());
      else schedule(urgency === "now" ? 0 : lazyDelayMs);
    },
    stop() {
      abort.abort();
      clearTimeout(timer);
    },
  };
}
