import type { MessageInitShape } from "@bufbuild/protobuf";
import { FaultCode } from "../../faults/codes.ts";
import { errorText, Fault } from "../../faults/fault.ts";
import { ResponseStatus } from "../../gen/ctl/common_pb.ts";
import type {
  NvmeAddDeviceReq,
  NvmeAddDeviceRespSchema,
  NvmeRebindReq,
  NvmeRebindRespSchema,
} from "../../gen/ctl/storage_pb.ts";
import { parseAddressList } from "../../hardware/pci/select.ts";
import { prepareListed } from "../../storage/prepare/start.ts";
import type { ControlDeps } from "./deps.ts";
import { responseState } from "./response-state.ts";

function requireHugepages(deps: ControlDeps): void {
  if (!deps.config.disableHugepages) return;
  throw new Fault(
    "server",
    FaultCode.ServerHugepagesDisabled,
    "the use of hugepages has been disabled in the server config",
    "set 'disable_hugepages: false' in the server config and restart the control server",
  );
}

/** Hands a drive that was plugged in to user space, so that the engine that had its predecessor finds it. */
export async function nvmeRebind(
  deps: ControlDeps,
  request: NvmeRebindReq,
): Promise<MessageInitShape<typeof NvmeRebindRespSchema>> {
  requireHugepages(deps);
  const fail = (reason: string) => {
    const error = new Error(`nvme rebind: ${reason}`);
    deps.log.error(error.message);
    return { state: responseState(error, ResponseStatus.CTL_ERR_NVME) };
  };
  try {
    const outcome = await prepareListed(deps.config, request.pciAddr);
    const address = outcome.allow[0];
    const device = outcome.devices.find((one) => one.address === address);
    if (device === undefined) return fail(`${request.pciAddr} is not on this host`);
    return device.ok ? {} : fail(device.detail);
  } catch (error) {
    return fail(errorText(error));
  }
}

/** Adds a drive to an engine's block devices; the engine takes it up from its configuration. */
export async function nvmeAddDevice(
  deps: ControlDeps,
  request: NvmeAddDeviceReq,
): Promise<MessageInitShape<typeof NvmeAddDeviceRespSchema>> {
  requireHugepages(deps);
  const { engineIndex, storageTierIndex } = request;
  const instance = deps.harness.instances[engineIndex];
  if (instance === undefined) throw new Error(`engine with index ${engineIndex} not found`);
  const tiers = instance.storage.bdevTiers;
  const tier = storageTierIndex === -1 ? tiers[0] : tiers.find((one) => one.tier === storageTierIndex);
  if (tier === undefined) {
    const reason =
      storageTierIndex === -1
        ? "no bdev storage tiers in config"
        : `bdev storage tier with index ${storageTierIndex} not found in config`;
    throw new Error(`engine ${engineIndex}: ${reason}`);
  }
  for (const address of parseAddressList(request.pciAddr)) {
    if (!tier.bdevList.includes(address)) tier.bdevList.push(address);
  }
  try {
    await instance.storage.writeNvmeConf();
    return {};
  } catch (error) {
    const failure = new Error(`write nvme config for engine ${engineIndex}: ${errorText(error)}`);
    deps.log.error(failure.message);
    return { state: responseState(failure, ResponseStatus.CTL_ERR_NVME) };
  }
}
