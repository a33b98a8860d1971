import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { faultDataPlaneNotStarted, faultHarnessNotStarted } from "../../engine/faults.ts";
import type { ManagedInstance } from "../../engine/instance.ts";
import { daosStatusText } from "../../faults/daos-status.ts";
import { errorText } from "../../faults/fault.ts";
import {
  type SmdDevice,
  SmdPoolReqSchema,
  SmdPoolRespSchema,
  type SmdQueryReq,
  type SmdQueryRespSchema,
} from "../../gen/ctl/smd_pb.ts";
import { nilRank } from "../../system/ranks.ts";
import type { CallContext } from "../method.ts";
import type { ControlDeps } from "./deps.ts";
import { bioHealth, hasHealth, listSmdDevices } from "./scan-nvme.ts";

type SmdQueryResp = MessageInitShape<typeof SmdQueryRespSchema>;
type RankResp = NonNullable<SmdQueryResp["ranks"]>[number];

/** Engines that can be asked about their devices. @throws Fault 610 or 611 when there is none. */
export function readyInstances(deps: ControlDeps): ManagedInstance[] {
  if (!deps.harness.isStarted()) throw faultHarnessNotStarted();
  const ready = deps.harness.instances.filter((instance) => instance.isReady());
  if (ready.length === 0) throw faultDataPlaneNotStarted();
  return ready;
}

/** Devices of one engine, with the health of each if wanted, or only the one with the UUID asked for. */
export async function queryDevices(
  instance: ManagedInstance,
  request: { readonly uuid: string; readonly includeBioHealth: boolean },
  signal: AbortSignal,
): Promise<SmdDevice[]> {
  const all = await listSmdDevices(instance, signal);
  const devices = request.uuid === "" ? all : all.filter((device) => device.uuid === request.uuid);
  if (request.includeBioHealth) {
    for (const device of devices) {
      if (device.ctrlr === undefined || !hasHealth(device.ctrlr)) continue;
      device.ctrlr.healthStats = await bioHealth(instance, { devUuid: device.uuid }, signal);
    }
  }
  return devices;
}

async function queryPools(instance: ManagedInstance, uuid: string, signal: AbortSignal): Promise<RankResp> {
  const rank = instance.rank() ?? 0;
  const body = toBinary(SmdPoolReqSchema, create(SmdPoolReqSchema));
  const answer = await instance.callDrpc(MgmtMethod.SMD_LIST_POOLS, body, { signal });
  const { status, pools } = fromBinary(SmdPoolRespSchema, answer);
  if (status !== 0) throw new Error(`rank ${rank} ListPools failed: ${daosStatusText(status)}`);
  const wanted = uuid === "" ? pools : pools.filter((pool) => pool.uuid === uuid);
  return {
    rank,
    pools: wanted.map(({ uuid: poolUuid, tgtIds, blobs }) => ({ uuid: poolUuid, tgtIds, blobs })),
  };
}

async function deviceAnswer(
  instance: ManagedInstance,
  request: SmdQueryReq,
  signal: AbortSignal,
): Promise<RankResp> {
  const rank = instance.rank() ?? 0;
  try {
    return { rank, devices: await queryDevices(instance, request, signal) };
  } catch (error) {
    throw new Error(`rank ${rank}: ${errorText(error)}`);
  }
}

/** What engines keep in their device tables (SMD): devices, pools, or both. */
export async function smdQuery(
  deps: ControlDeps,
  request: SmdQueryReq,
  context: CallContext,
): Promise<SmdQueryResp> {
  const ready = readyInstances(deps);
  if (request.uuid !== "" && !request.omitDevices && !request.omitPools) {
    throw new Error("UUID is ambiguous when querying both pools and devices");
  }
  const asked = ready.filter((one) => request.rank === nilRank || one.rank() === request.rank);
  const devices = request.omitDevices ? [] : asked.map((one) => deviceAnswer(one, request, context.signal));
  const pools = request.omitPools ? [] : asked.map((one) => queryPools(one, request.uuid, context.signal));
  return { ranks: await Promise.all([...devices, ...pools]) };
}
