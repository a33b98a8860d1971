import type { CtlSvc } from "../../gen/ctl/ctl_pb.ts";
import type { StorageFormatReq } from "../../gen/ctl/storage_pb.ts";
import type { Component, ServiceImpl } from "../method.ts";
import { collectLog } from "./collect/collect-log.ts";
import type { ControlDeps } from "./deps.ts";
import { firmwareQuery, firmwareUpdate } from "./firmware.ts";
import { setEngineLogMasks } from "./log-masks.ts";
import { networkScan } from "./network-scan.ts";
import { nvmeAddDevice, nvmeRebind } from "./nvme-hotplug.ts";
import { prepShutdownRanks, resetFormatRanks, startRanks, stopRanks } from "./ranks.ts";
import { smdManage } from "./smd-manage.ts";
import { smdQuery } from "./smd-query.ts";
import { createStorageFormat } from "./storage-format.ts";
import { storageScan } from "./storage-scan.ts";

export type { ControlDeps } from "./deps.ts";

/** `authorized` rows of codes-2.6.tsv. */
const ADMIN: readonly Component[] = ["admin"];
const SERVER: readonly Component[] = ["server"];

export interface ControlService {
  readonly service: ServiceImpl<typeof CtlSvc>;
  /** What StorageFormat does, for a server that formats by itself (--auto-format). */
  format(request: Pick<StorageFormatReq, "reformat">): Promise<void>;
}

/** The service of one server and its engines: storage, network, and what the management service asks of it. */
export function createControlService(deps: ControlDeps): ControlService {
  const storageFormat = createStorageFormat(deps);
  return {
    service: {
      storageScan: { roles: ADMIN, handle: (request, context) => storageScan(deps, request, context) },
      storageFormat: { roles: ADMIN, handle: (request) => storageFormat(request) },
      storageNvmeRebind: { roles: ADMIN, handle: (request) => nvmeRebind(deps, request) },
      storageNvmeAddDevice: { roles: ADMIN, handle: (request) => nvmeAddDevice(deps, request) },
      firmwareQuery: { roles: ADMIN, handle: (request) => firmwareQuery(request) },
      firmwareUpdate: { roles: ADMIN, handle: (request) => firmwareUpdate(deps, request) },
      networkScan: { roles: ADMIN, handle: (request, context) => networkScan(deps, request, context) },
      collectLog: { roles: ADMIN, handle: (request, context) => collectLog(deps, request, context) },
      smdQuery: { roles: ADMIN, handle: (request, context) => smdQuery(deps, request, context) },
      smdManage: { roles: ADMIN, handle: (request, context) => smdManage(deps, request, context) },
      setEngineLogMasks: {
        roles: ADMIN,
        handle: (request, context) => setEngineLogMasks(deps, request, context),
      },
      prepShutdownRanks: {
        roles: SERVER,
        handle: (request, context) => prepShutdownRanks(deps, request, context),
      },
      stopRanks: { roles: SERVER, handle: (request, context) => stopRanks(deps, request, context) },
      startRanks: { roles: SERVER, handle: (request, context) => startRanks(deps, request, context) },
      resetFormatRanks: {
        roles: SERVER,
        handle: (request, context) => resetFormatRanks(deps, request, context),
      },
    },
    async format(request) {
      await storageFormat(request);
    },
  };
}
