import type { MessageInitShape } from "@bufbuild/protobuf";
import { FaultCode } from "../../faults/codes.ts";
import { Fault } from "../../faults/fault.ts";
import {
  type FirmwareQueryReq,
  type FirmwareQueryRespSchema,
  type FirmwareUpdateReq,
  FirmwareUpdateReq_DeviceType,
  type FirmwareUpdateRespSchema,
} from "../../gen/ctl/firmware_pb.ts";
import {
  type FirmwareFilter,
  queryDriveFirmware,
  queryModuleFirmware,
  updateDrives,
  updateModules,
} from "../../storage/firmware.ts";
import type { ControlDeps } from "./deps.ts";
import { moduleMessage } from "./scm-module.ts";

/** Numbers of 2.6: unknown, staged, success, failed. */
const UPDATE_STATUS = ["unknown", "staged", "success", "failed"] as const;

function filterOf(request: FirmwareQueryReq | FirmwareUpdateReq): FirmwareFilter {
  return { devices: request.deviceIDs, model: request.modelID, revision: request.firmwareRev };
}

/** Firmware of the PMem modules and NVMe drives of this host. */
export async function firmwareQuery(
  request: FirmwareQueryReq,
): Promise<MessageInitShape<typeof FirmwareQueryRespSchema>> {
  const scm = request.queryScm ? await queryModuleFirmware(filterOf(request)) : [];
  const drives = request.queryNvme ? await queryDriveFirmware(filterOf(request)) : [];
  return {
    scmResults: scm.map(({ module, firmware, error }) => ({
      module: moduleMessage(module),
      activeVersion: firmware?.activeVersion,
      stagedVersion: firmware?.stagedVersion,
      imageMaxSizeBytes: firmware?.imageMaxSizeBytes,
      updateStatus: firmware === undefined ? 0 : UPDATE_STATUS.indexOf(firmware.updateStatus),
      error,
    })),
    nvmeResults: drives.map((device) => ({ device })),
  };
}

function faultInstancesNotStopped(action: string, rank: number): Fault {
  return new Fault(
    "server",
    FaultCode.ServerInstancesNotStopped,
    `${action} not supported when rank ${rank} is running`,
    `retry ${action} operation after stopping rank ${rank}`,
  );
}

/** Updates firmware. Engines must not run: their devices are taken from them. @throws Fault 612 */
export async function firmwareUpdate(
  deps: ControlDeps,
  request: FirmwareUpdateReq,
): Promise<MessageInitShape<typeof FirmwareUpdateRespSchema>> {
  const running = deps.harness.instances.find((instance) => instance.isStarted());
  if (running !== undefined) {
    const rank = running.rank();
    if (rank === undefined) throw new Error("unidentified server rank is running");
    throw faultInstancesNotStopped("firmware update", rank);
  }
  if (request.firmwarePath === "") throw new Error("missing path to firmware file");
  if (request.type === FirmwareUpdateReq_DeviceType.SCM) {
    const results = await updateModules(request.firmwarePath, filterOf(request));
    return { scmResults: results.map(({ module, error }) => ({ module: moduleMessage(module), error })) };
  }
  return { nvmeResults: await updateDrives(request.firmwarePath, filterOf(request)) };
}
