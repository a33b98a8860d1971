import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { errorText } from "../../faults/fault.ts";
import {
  type PoolCreateReq,
  PoolCreateReqSchema,
  type PoolCreateResp,
  PoolCreateRespSchema,
  PoolPropertySchema,
  PoolQueryReqSchema,
  PoolQueryRespSchema,
} from "../../gen/mgmt/pool_pb.ts";
import { compressFaultDomains } from "../../system/fault-domain.ts";
import { faultPoolDuplicateLabel, faultPoolNoLabel } from "../../system/faults.ts";
import { parseUuid } from "../../system/labels.ts";
import { poolRanks, poolTierBytes } from "../../system/pool-plan.ts";
import { DerStatus, decidePoolCreating, decidePoolRemove, decidePoolUpdate } from "../../system/pools.ts";
import { poolPropertyOf, systemProperties, systemPropertyText } from "../../system/properties.ts";
import type { PoolService, SystemState } from "../../system/types.ts";
import { callEngine, isEngineNotReady } from "./engine-call.ts";
import type { ManagementParts } from "./parts.ts";
import { callPool } from "./pool-calls.ts";

/** What an engine may take to make a pool over many ranks; dmg gives up before (2.6's server never does). */
const createTimeoutMs = 15 * 60_000;

/** DAOS_PROP_PO_LABEL. */
export const labelProperty = 1;

/**
 * Answers PoolCreate: one at a time, since each plans with the space the one before has left. A request
 * whose pool exists already (the caller did not hear the answer) is answered with that pool; one whose
 * pool was left half made is told to try again while that is cleaned up.
 */
export function createPoolCreate(parts: ManagementParts) {
  const { core, poolLocks } = parts;
  let last: Promise<unknown> = Promise.resolve();

  const serially = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };

  return async (request: PoolCreateReq): Promise<MessageInitShape<typeof PoolCreateRespSchema>> => {
    core.leader();
    const uuid = parseUuid(request.uuid);
    if (uuid === undefined) throw new Error(`failed to parse pool UUID "${request.uuid}"`);
    request.uuid = uuid;
    return serially(() => poolLocks.withLock(uuid, () => createPool(parts, request)));
  };
}

async function createPool(
  parts: ManagementParts,
  request: PoolCreateReq,
): Promise<MessageInitShape<typeof PoolCreateRespSchema>> {
  const { core } = parts;
  const state = core.leader();
  const existing = state.pools.get(request.uuid);
  if (existing?.state === "Ready") return existingPool(parts, request, existing);
  if (existing !== undefined) {
    parts.janitor()?.clean();
    return { status: DerStatus.Again };
  }
  const planned = planPool(parts, state, request);
  await core.decide((now) => decidePoolCreating(now, planned));
  return makePool(parts, request);
}

async function existingPool(
  { core }: ManagementParts,
  request: PoolCreateReq,
  pool: PoolService,
): Promise<MessageInitShape<typeof PoolCreateRespSchema>> {
  const query = create(PoolQueryReqSchema, { id: pool.uuid, sys: request.sys, queryMask: 0n });
  const { svcLdr } = await callPool(
    core,
    MgmtMethod.POOL_QUERY,
    PoolQueryReqSchema,
    query,
    PoolQueryRespSchema,
  );
  return {
    svcLdr,
    svcReps: [...pool.replicas],
    tgtRanks: [...pool.creationRanks],
    tierBytes: [...pool.perRankTierBytes],
  };
}

/** Checks the request and fills in what the engine needs to know. Nothing is changed in the system. */
function planPool({ core }: ManagementParts, state: SystemState, request: PoolCreateReq): PoolService {
  addSystemProperties(core.deps.version, core.deps.systemName, state, request);
  const label = requestedLabel(state, request);
  request.ranks = poolRanks(state, request);
  request.faultDomains = compressFaultDomains(state, request.ranks);
  request.tierbytes = poolTierBytes(request, core.deps.engine, request.ranks.length);
  request.totalbytes = 0n;
  request.tierratio = [];
  request.numranks = 0;
  return {
    uuid: request.uuid,
    label,
    state: "Creating",
    replicas: [],
    creationRanks: [...request.ranks],
    currentRanks: [...request.ranks],
    perRankTierBytes: [...request.tierbytes],
    lastUpdate: core.timestamp(),
  };
}

function requestedLabel(state: SystemState, request: PoolCreateReq): string {
  const property = request.properties.find(({ number }) => number === labelProperty);
  const label = property?.value.case === "strval" ? property.value.value : "";
  if (label === "") throw faultPoolNoLabel();
  if (state.poolsByLabel.has(label)) throw faultPoolDuplicateLabel(label);
  return label;
}

/** System properties that are pool properties too hold for a pool whose request does not say otherwise. */
function addSystemProperties(
  version: string,
  systemName: string,
  state: SystemState,
  request: PoolCreateReq,
): void {
  for (const property of systemProperties) {
    const text = systemPropertyText(state, property.name, { version, systemName });
    const asPool = poolPropertyOf(property.name, text);
    if (asPool === undefined || request.properties.some(({ number }) => number === asPool.number)) continue;
    request.properties.push(
      create(PoolPropertySchema, { number: asPool.number, value: { case: "numval", value: asPool.value } }),
    );
  }
}

async function makePool(parts: ManagementParts, request: PoolCreateReq): Promise<PoolCreateResp> {
  const { core } = parts;
  // An engine that was ready and is not any more may have told others of the pool before it went.
  const reachable = core.deps.harness.instances.some((instance) => instance.isReady());
  let answer: PoolCreateResp;
  try {
    answer = await callEngine(
      core.deps.harness,
      MgmtMethod.POOL_CREATE,
      PoolCreateReqSchema,
      request,
      PoolCreateRespSchema,
      { timeoutMs: createTimeoutMs },
    );
  } catch (error) {
    core.log.error(`pool create dRPC call failed: ${errorText(error)}`);
    const untouched = !reachable && isEngineNotReady(error);
    await giveUp(parts, request.uuid, untouched ? "nothing made" : "perhaps made");
    throw error;
  }
  if (answer.status !== 0) {
    // The engine has undone what it had begun.
    await giveUp(parts, request.uuid, "nothing made");
    return answer;
  }
  try {
    const made = { state: "Ready", replicas: answer.svcReps } as const;
    await core.decide((state) => decidePoolUpdate(state, request.uuid, made, core.timestamp()));
  } catch (error) {
    core.log.error(`cleaning up pool ${request.uuid} due to create failure: ${errorText(error)}`);
    parts.janitor()?.clean();
    throw error;
  }
  return answer;
}

/** Forgets a pool that did not come to be; one that may exist on engines is destroyed first, in the background. */
async function giveUp(
  { core, janitor }: ManagementParts,
  uuid: string,
  outcome: "nothing made" | "perhaps made",
): Promise<void> {
  try {
    if (outcome === "nothing made") {
      await core.decide((state) => decidePoolRemove(state, uuid));
      return;
    }
    await core.decide((state) => decidePoolUpdate(state, uuid, { state: "Destroying" }, core.timestamp()));
  } catch (error) {
    core.log.error(`pool ${uuid} stays in state Creating until it can be cleaned up: ${errorText(error)}`);
  }
  janitor()?.clean();
}
