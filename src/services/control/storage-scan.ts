import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StorageScanReq, StorageScanRespSchema } from "../../gen/ctl/storage_pb.ts";
import { readMemInfo } from "../../hardware/meminfo.ts";
import type { CallContext } from "../method.ts";
import type { ControlDeps } from "./deps.ts";
import { scanNvme } from "./scan-nvme.ts";
import { scanScm } from "./scan-scm.ts";

/** Memory, memory tiers and NVMe of this host. */
export async function storageScan(
  deps: ControlDeps,
  request: StorageScanReq,
  context: CallContext,
): Promise<MessageInitShape<typeof StorageScanRespSchema>> {
  const [scm, nvme, memory] = await Promise.all([
    scanScm(deps, request.scm),
    scanNvme(deps, request.nvme, context),
    readMemInfo(),
  ]);
  return {
    scm,
    nvme,
    memInfo: {
      hugepagesTotal: BigInt(memory.hugepagesTotal),
      hugepagesFree: BigInt(memory.hugepagesFree),
      hugepagesReserved: BigInt(memory.hugepagesReserved),
      hugepagesSurplus: BigInt(memory.hugepagesSurplus),
      hugepageSizeKb: memory.hugepageSizeKib,
      memTotalKb: BigInt(memory.memTotalKib),
      memFreeKb: BigInt(memory.memFreeKib),
      memAvailableKb: BigInt(memory.memAvailableKib),
    },
  };
}
