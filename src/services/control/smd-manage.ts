import {
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import type { ManagedInstance } from "../../engine/instance.ts";
import {
  DevManageRespSchema,
  DevReplaceReqSchema,
  type LedManageReq,
  LedManageReqSchema,
  SetFaultyReqSchema,
  type SmdManageReq,
  type SmdManageRespSchema,
} from "../../gen/ctl/smd_pb.ts";
import type { CallContext } from "../method.ts";
import type { ControlDeps } from "./deps.ts";
import { queryDevices, readyInstances } from "./smd-query.ts";

type SmdManageResp = MessageInitShape<typeof SmdManageRespSchema>;
type RankResp = NonNullable<SmdManageResp["ranks"]>[number];
type Result = NonNullable<RankResp["results"]>[number];

const DER_BUSY = -1012;
const DER_UNREACH = -1006;
/** A device that was just set faulty is busy for a while: a replacement is tried again this often, doubling. */
const REPLACE_TRIES = 20;
const REPLACE_BACKOFF_MS = 250;
const REPLACE_BACKOFF_LIMIT_MS = 8_000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A device behind a VMD: its domain is the VMD's address, six digits. Only those have lights we can drive. */
const VMD_BACKING_ADDRESS = /^[0-9a-f]{6}:[0-9a-f]{2}:[0-9a-f]{2}\.\d$/i;

interface Found {
  readonly instance: ManagedInstance;
  /** PCI address when asked for by address or when wanted as such, else the UUID. */
  readonly id: string;
  readonly byAddress: boolean;
}

/** Splits "id,id": PCI addresses of devices behind a VMD, and UUIDs. */
function parseIds(ids: string): Set<string> {
  const tokens = ids.split(",");
  for (const token of tokens) {
    if (UUID.test(token) || VMD_BACKING_ADDRESS.test(token)) continue;
    throw new Error(`req id entry "${token}" is neither a valid vmd backing device pci address or uuid`);
  }
  return new Set(tokens.map((token) => token.toLowerCase()));
}

/** Finds which engine has each device. @throws Error naming those that none has. */
async function locate(
  instances: readonly ManagedInstance[],
  ids: string,
  asAddresses: boolean,
  signal: AbortSignal,
): Promise<Found[]> {
  if (ids === "" && !asAddresses) throw new Error("empty id string");
  const wanted = ids === "" ? undefined : parseIds(ids);
  const missing = new Set(wanted);
  const found = new Map<string, Found>();
  for (const instance of instances) {
    for (const device of await queryDevices(instance, { uuid: "", includeBioHealth: false }, signal)) {
      const uuid = device.uuid.toLowerCase();
      const address = device.ctrlr?.pciAddr.toLowerCase() ?? "";
      const matches = wanted === undefined || wanted.has(uuid) || (asAddresses && wanted.has(address));
      if (!matches) continue;
      missing.delete(uuid);
      missing.delete(address);
      const byAddress = asAddresses && address !== "";
      if (byAddress) found.set(address, { instance, id: device.ctrlr?.pciAddr ?? "", byAddress });
      else if (wanted !== undefined) found.set(uuid, { instance, id: device.uuid, byAddress });
    }
  }
  if (missing.size > 0) throw new Error(`ids requested but not found: [${[...missing].join(" ")}]`);
  return [...found.values()];
}

async function manage<M extends DescMessage>(
  instance: ManagedInstance,
  method: number,
  schema: M,
  request: MessageShape<M>,
  signal: AbortSignal,
): Promise<Result> {
  if (!instance.isReady()) return { status: DER_UNREACH };
  const answer = await instance.callDrpc(method, toBinary(schema, request), { signal });
  const { status, device } = fromBinary(DevManageRespSchema, answer);
  return { status, device };
}

async function replace(
  instance: ManagedInstance,
  request: MessageShape<typeof DevReplaceReqSchema>,
  signal: AbortSignal,
): Promise<Result> {
  for (let tried = 1; ; tried += 1) {
    const result = await manage(instance, MgmtMethod.DEV_REPLACE, DevReplaceReqSchema, request, signal);
    if (result.status !== DER_BUSY || tried === REPLACE_TRIES) return result;
    await Bun.sleep(Math.min(REPLACE_BACKOFF_MS * 2 ** (tried - 1), REPLACE_BACKOFF_LIMIT_MS));
    signal.throwIfAborted();
  }
}

async function manageOne(
  deps: ControlDeps,
  uuid: string,
  signal: AbortSignal,
  run: (instance: ManagedInstance) => Promise<Result>,
): Promise<RankResp[]> {
  const [device, ...others] = await locate(readyInstances(deps), uuid, false, signal);
  if (device === undefined || others.length > 0) throw new Error("request expects exactly one device");
  const { status } = await run(device.instance);
  return [{ rank: device.instance.rank() ?? 0, results: [{ status }] }];
}

async function manageLeds(
  deps: ControlDeps,
  request: LedManageReq,
  signal: AbortSignal,
): Promise<RankResp[]> {
  const devices = await locate(readyInstances(deps), request.ids, true, signal);
  if (devices.length === 0) throw new Error("request expects at least one device");
  const byInstance = new Map<ManagedInstance, Result[]>();
  for (const { instance, id, byAddress } of devices) {
    if (!byAddress) throw new Error(`device UUID ${id} not resolved to a PCI address`);
    const own = { ...request, ids: id };
    const result = await manage(instance, MgmtMethod.LED_MANAGE, LedManageReqSchema, own, signal);
    if (result.status !== 0) result.device ??= { ctrlr: { pciAddr: id } };
    byInstance.set(instance, [...(byInstance.get(instance) ?? []), result]);
  }
  return [...byInstance]
    .map(([instance, results]) => ({ rank: instance.rank() ?? 0, results }))
    .sort((left, right) => left.rank - right.rank);
}

/** Sets a device faulty, replaces it, or drives its light. */
export async function smdManage(
  deps: ControlDeps,
  request: SmdManageReq,
  context: CallContext,
): Promise<SmdManageResp> {
  const { op } = request;
  const { signal } = context;
  switch (op.case) {
    case "replace":
      return {
        ranks: await manageOne(deps, op.value.oldDevUuid, signal, (instance) =>
          replace(instance, op.value, signal),
        ),
      };
    case "faulty":
      return {
        ranks: await manageOne(deps, op.value.uuid, signal, (instance) =>
          manage(instance, MgmtMethod.DEV_SET_FAULTY, SetFaultyReqSchema, op.value, signal),
        ),
      };
    case "led":
      return { ranks: await manageLeds(deps, op.value, signal) };
    default:
      throw new Error("unrecognized operation in SmdManageReq");
  }
}
