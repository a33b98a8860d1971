import type { MessageInitShape } from "@bufbuild/protobuf";
import { errorText } from "../../faults/fault.ts";
import { CtlSvc } from "../../gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../gen/mgmt/mgmt_pb.ts";
import type { SystemEraseReq, SystemEraseRespSchema } from "../../gen/mgmt/system_pb.ts";
import { sortRanks } from "../../system/ranks.ts";
import type { CallContext } from "../method.ts";
import type { ManagementParts } from "./parts.ts";
import { failedRanksText, fanOutRanks } from "./rank-fanout.ts";
import { rankResults } from "./system-ranks.ts";

/**
 * Answers SystemErase: all ranks forget that they were formatted, then all replicas their database. The
 * leader does its own last; what is left is a system that waits to be formatted.
 */
export function createSystemErase(parts: ManagementParts) {
  const { core } = parts;
  return async (
    request: SystemEraseReq,
    context: CallContext,
  ): Promise<MessageInitShape<typeof SystemEraseRespSchema>> => {
    core.replica();
    if (!core.isLeader()) {
      await parts.erase();
      return {};
    }
    const outcomes = await fanOutRanks(core, {
      method: CtlSvc.method.resetFormatRanks,
      ranks: sortRanks(core.leader().members.keys()),
      updateOnFail: false,
      signal: context.signal,
    });
    const results = rankResults("reset format", outcomes);
    if (failedRanksText(outcomes) !== undefined) return { results };
    const others = core.deps.replicas.filter((addr) => addr !== core.deps.selfAddr);
    for (const { host, error } of await core.deps.peers.hosts(MgmtSvc.method.systemErase, others, request)) {
      if (error !== undefined)
        core.log.error(`replica ${host} did not erase its database: ${errorText(error)}`);
    }
    core.log.info("erasing system db");
    await parts.erase();
    return { results };
  };
}
