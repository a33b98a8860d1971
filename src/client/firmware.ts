/** Firmware of storage devices. */
import {
  FirmwareQueryReqSchema,
  FirmwareQueryRespSchema,
  FirmwareUpdateReq_DeviceType,
  FirmwareUpdateReqSchema,
  FirmwareUpdateRespSchema,
  type NvmeFirmwareQueryResp,
  type NvmeFirmwareUpdateResp,
  type ScmFirmwareQueryResp,
  type ScmFirmwareUpdateResp,
} from "../gen/ctl/firmware_pb.ts";
import type { DmgClient } from "./context.ts";
import { type HostErrors, splitResults } from "./host-results.ts";
import { invokeHosts } from "./invoker.ts";
import { unary } from "./unary.ts";

const rpc = {
  query: unary("ctl.CtlSvc", "FirmwareQuery", FirmwareQueryReqSchema, FirmwareQueryRespSchema),
  update: unary("ctl.CtlSvc", "FirmwareUpdate", FirmwareUpdateReqSchema, FirmwareUpdateRespSchema),
};

/** Empty fields do not filter. */
export interface DeviceFilter {
  readonly devices: readonly string[];
  readonly model: string;
  readonly revision: string;
}

export interface HostDevices<T> {
  readonly host: string;
  readonly devices: readonly T[];
}

export interface FirmwareQueryAnswer {
  readonly errors: HostErrors;
  readonly scm: readonly HostDevices<ScmFirmwareQueryResp>[];
  readonly nvme: readonly HostDevices<NvmeFirmwareQueryResp>[];
}

export async function firmwareQuery(
  client: DmgClient,
  wanted: DeviceFilter & { readonly scm: boolean; readonly nvme: boolean },
): Promise<FirmwareQueryAnswer> {
  const request = { queryScm: wanted.scm, queryNvme: wanted.nvme, ...filterFields(wanted) };
  const { answers, errors } = splitResults(await invokeHosts(rpc.query, client.hosts, request, client));
  return {
    errors,
    scm: answers.map(({ host, value }) => ({ host, devices: value.scmResults })),
    nvme: answers.map(({ host, value }) => ({ host, devices: value.nvmeResults })),
  };
}

export interface FirmwareUpdateAnswer {
  readonly errors: HostErrors;
  readonly scm: readonly HostDevices<ScmFirmwareUpdateResp>[];
  readonly nvme: readonly HostDevices<NvmeFirmwareUpdateResp>[];
}

export async function firmwareUpdate(
  client: DmgClient,
  wanted: DeviceFilter & { readonly type: "scm" | "nvme"; readonly path: string },
): Promise<FirmwareUpdateAnswer> {
  const types = { scm: FirmwareUpdateReq_DeviceType.SCM, nvme: FirmwareUpdateReq_DeviceType.NVMe };
  const request = { firmwarePath: wanted.path, type: types[wanted.type], ...filterFields(wanted) };
  const { answers, errors } = splitResults(await invokeHosts(rpc.update, client.hosts, request, client));
  const some = <T>(hosts: HostDevices<T>[]) => hosts.filter(({ devices }) => devices.length > 0);
  return {
    errors,
    scm: some(answers.map(({ host, value }) => ({ host, devices: value.scmResults }))),
    nvme: some(answers.map(({ host, value }) => ({ host, devices: value.nvmeResults }))),
  };
}

function filterFields({ devices, model, revision }: DeviceFilter) {
  return { deviceIDs: [...devices], modelID: model, firmwareRev: revision };
}
