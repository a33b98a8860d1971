/** Storage of servers: what is there, formatting it, and care of single devices. */
import type { MessageShape } from "@bufbuild/protobuf";
import { Fault } from "../faults/fault.ts";
import { type ResponseState, ResponseStatus } from "../gen/ctl/common_pb.ts";
import type { NvmeController } from "../gen/ctl/smd_pb.ts";
import {
  type MemInfo,
  NvmeAddDeviceReqSchema,
  NvmeAddDeviceRespSchema,
  NvmeRebindReqSchema,
  NvmeRebindRespSchema,
  StorageFormatReqSchema,
  StorageFormatRespSchema,
  StorageScanReqSchema,
  StorageScanRespSchema,
} from "../gen/ctl/storage_pb.ts";
import type { ScmModule, ScmNamespace } from "../gen/ctl/storage_scm_pb.ts";
import { isManagementUnreachable, isNotReady } from "./connection-errors.ts";
import type { DmgClient } from "./context.ts";
import type { FanOutOptions } from "./fanout.ts";
import { addHostError, groupHosts, type HostErrors, type HostGroup, splitResults } from "./host-results.ts";
import { invokeHosts } from "./invoker.ts";
import { systemQuery } from "./system.ts";
import { unary } from "./unary.ts";

const rpc = {
  scan: unary("ctl.CtlSvc", "StorageScan", StorageScanReqSchema, StorageScanRespSchema),
  format: unary("ctl.CtlSvc", "StorageFormat", StorageFormatReqSchema, StorageFormatRespSchema),
  rebind: unary("ctl.CtlSvc", "StorageNvmeRebind", NvmeRebindReqSchema, NvmeRebindRespSchema),
  addDevice: unary("ctl.CtlSvc", "StorageNvmeAddDevice", NvmeAddDeviceReqSchema, NvmeAddDeviceRespSchema),
};

/** What a scan found on a host. */
export interface ScannedStorage {
  readonly controllers: readonly NvmeController[];
  readonly modules: readonly ScmModule[];
  readonly namespaces: readonly ScmNamespace[];
  readonly memory: MemInfo | undefined;
}

export interface StorageScanAnswer {
  readonly errors: HostErrors;
  readonly groups: readonly HostGroup<ScannedStorage>[];
}

export interface StorageScanOptions {
  /** Space used and free of what the engines have in use. */
  readonly usage?: boolean;
  readonly nvmeHealth?: boolean;
  /** Leave out all details of NVMe devices but their sizes. */
  readonly nvmeBasic?: boolean;
}

export async function storageScan(
  client: DmgClient,
  options: StorageScanOptions,
  progress: FanOutOptions<unknown> = {},
): Promise<StorageScanAnswer> {
  const request = {
    scm: { usage: options.usage ?? false },
    nvme: {
      Basic: options.nvmeBasic ?? false,
      // Usage is computed from health and metadata.
      Health: (options.nvmeHealth ?? false) || (options.usage ?? false),
      Meta: options.usage ?? false,
    },
  };
  const { answers, errors } = splitResults(
    await invokeHosts(rpc.scan, client.hosts, request, client, progress),
  );
  const scanned = answers.map(({ host, value }) => {
    for (const state of [value.nvme?.state, value.scm?.state]) {
      if (!isSuccess(state)) addHostError(errors, host, scanError(state));
    }
    return { host, value: scannedStorage(value) };
  });
  return { errors, groups: groupHosts(scanned, comparableStorage) };
}

function scannedStorage(answer: MessageShape<typeof StorageScanRespSchema>): ScannedStorage {
  return {
    controllers: isSuccess(answer.nvme?.state) ? (answer.nvme?.ctrlrs ?? []) : [],
    modules: isSuccess(answer.scm?.state) ? (answer.scm?.modules ?? []) : [],
    namespaces: isSuccess(answer.scm?.state) ? (answer.scm?.namespaces ?? []) : [],
    memory: answer.memInfo,
  };
}

/** Hosts are alike when these are: not serial numbers and UUIDs, nor memory that happens to be free. */
function comparableStorage(storage: ScannedStorage): unknown {
  return {
    controllers: storage.controllers.map(({ serial: _, ...rest }) => rest),
    modules: storage.modules,
    namespaces: storage.namespaces.map(({ uuid: _, ...rest }) => rest),
    memory: storage.memory && [storage.memory.hugepageSizeKb, storage.memory.memTotalKb],
  };
}

export function isSuccess(state: ResponseState | undefined): boolean {
  return (state?.status ?? ResponseStatus.CTL_SUCCESS) === ResponseStatus.CTL_SUCCESS;
}

function scanError(state: ResponseState | undefined): Error {
  const text = state?.error || "unknown error";
  return new Error(state?.info ? `${text} (${state.info})` : text);
}

function stateError(state: ResponseState | undefined): Error {
  if (state?.error) return new Error(state.error);
  const name = ResponseStatus[state?.status ?? ResponseStatus.CTL_ERR_UNKNOWN];
  return new Error(`${name}: ${state?.info || "unknown error"}`);
}

/** What a format made on a host. */
export interface FormattedStorage {
  readonly controllers: readonly {
    readonly pciAddr: string;
    readonly info: string;
    readonly roleBits: number;
  }[];
  readonly mounts: readonly { readonly path: string; readonly info: string }[];
}

export interface StorageFormatAnswer {
  readonly errors: HostErrors;
  readonly groups: readonly HostGroup<FormattedStorage>[];
}

/**
 * Formats the storage of the client's hosts. `explicitHosts` are the hosts a person named (-l); without
 * them the whole system is meant.
 * @throws Fault 509 when the system runs: it has to be stopped and erased first.
 */
export async function storageFormat(
  client: DmgClient,
  options: { readonly reformat: boolean; readonly explicitHosts: boolean },
  progress: FanOutOptions<unknown> = {},
): Promise<StorageFormatAnswer> {
  await refuseRunningSystem(client, options.explicitHosts);
  const request = { reformat: options.reformat };
  const { answers, errors } = splitResults(
    await invokeHosts(rpc.format, client.hosts, request, client, progress),
  );
  const formatted = answers.map(({ host, value }) => {
    const controllers: { pciAddr: string; info: string; roleBits: number }[] = [];
    const mounts: { path: string; info: string }[] = [];
    for (const result of value.crets) {
      if (!isSuccess(result.state)) addHostError(errors, host, stateError(result.state));
      else if (result.pciAddr !== "") {
        const info = result.state?.info || "CTL_SUCCESS";
        controllers.push({ pciAddr: result.pciAddr, info, roleBits: result.roleBits });
      }
    }
    for (const result of value.mrets) {
      if (!isSuccess(result.state)) addHostError(errors, host, stateError(result.state));
      else mounts.push({ path: result.mntpoint, info: result.state?.info || "CTL_SUCCESS" });
    }
    return { host, value: { controllers, mounts } };
  });
  return { errors, groups: groupHosts(formatted) };
}

/** A host that is named may be formatted anew as long as no management service answers there. */
async function refuseRunningSystem(client: DmgClient, explicitHosts: boolean): Promise<void> {
  const questions = explicitHosts ? client.hosts.map((host) => [host]) : [undefined];
  await Promise.all(
    questions.map(async (askHosts) => {
      try {
        await systemQuery(client, { failOnUnavailable: true, ...(askHosts && { askHosts }) });
      } catch (error) {
        if (isNotReady(error) || isManagementUnreachable(error)) return;
        throw error;
      }
      throw formatRunningSystem();
    }),
  );
}

function formatRunningSystem(): Fault {
  return new Fault(
    "client",
    509,
    "storage format invoked on a running system",
    "stop and erase the system, then retry the format operation",
  );
}

const pciAddress = /^(?:[0-9a-f]{1,6}:)?[0-9a-f]{1,2}:[0-9a-f]{1,2}\.[0-7]$/i;

export function checkPciAddress(address: string): void {
  if (!pciAddress.test(address)) throw new Error(`invalid pci address in request: "${address}"`);
}

/** Takes an NVMe device from the kernel's driver to the one in user space. */
export async function nvmeRebind(client: DmgClient, pciAddr: string): Promise<HostErrors> {
  checkPciAddress(pciAddr);
  const results = await invokeHosts(rpc.rebind, client.hosts, { pciAddr }, client);
  return withStateErrors(splitResults(results));
}

/** Gives a hot-inserted NVMe device to an engine; tier -1 is its first tier of block devices. */
export async function nvmeAddDevice(
  client: DmgClient,
  options: { readonly pciAddr: string; readonly engineIndex: number; readonly tierIndex: number },
): Promise<HostErrors> {
  checkPciAddress(options.pciAddr);
  const request = {
    pciAddr: options.pciAddr,
    engineIndex: options.engineIndex,
    storageTierIndex: options.tierIndex,
  };
  const results = await invokeHosts(rpc.addDevice, client.hosts, request, client);
  return withStateErrors(splitResults(results));
}

function withStateErrors({
  answers,
  errors,
}: {
  answers: { host: string; value: { state?: ResponseState | undefined } }[];
  errors: HostErrors;
}): HostErrors {
  for (const { host, value } of answers) {
    if (!isSuccess(value.state)) addHostError(errors, host, stateError(value.state));
  }
  return errors;
}
