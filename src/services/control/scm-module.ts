import type { MessageInitShape } from "@bufbuild/protobuf";
import { errorText, isFault } from "../../faults/fault.ts";
import type { ScmModuleSchema } from "../../gen/ctl/storage_scm_pb.ts";
import { hasPmem } from "../../hardware/pmem.ts";
import type { Logger } from "../../log/logger.ts";
import { type PmemModule, scanPmem } from "../../storage/pmem/host.ts";

type ScmModuleInit = Exclude<MessageInitShape<typeof ScmModuleSchema>, { $typeName: string }>;

export function moduleMessage(module: PmemModule): ScmModuleInit {
  return {
    channelid: module.channelId,
    channelposition: module.channelPosition,
    controllerid: module.controllerId,
    socketid: module.socketId,
    physicalid: module.physicalId,
    capacity: module.capacityBytes,
    uid: module.uid,
    partNumber: module.partNumber,
    firmwareRevision: module.firmwareRevision,
    healthState: module.health,
  };
}

/**
 * PMem modules of the host; none where the kernel sees none, so that hosts without PMem need no library. One
 * that cannot be asked is told in the log: the rest of a scan goes on.
 */
export async function scanModules(log: Logger): Promise<ScmModuleInit[]> {
  if (!(await hasPmem())) return [];
  try {
    return (await scanPmem()).modules.map(moduleMessage);
  } catch (error) {
    if (!isFault(error)) throw error;
    log.notice(`PMem modules cannot be scanned: ${errorText(error)} (${error.resolution})`);
    return [];
  }
}
