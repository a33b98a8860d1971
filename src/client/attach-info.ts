import { causeOf } from "../faults/cause.ts";
import { errorText } from "../faults/fault.ts";
import {
  GetAttachInfoReqSchema,
  type GetAttachInfoResp,
  GetAttachInfoRespSchema,
} from "../gen/mgmt/svc_pb.ts";
import type { ClientContext } from "./context.ts";
import { invokeLeaderCounting } from "./leader.ts";
import { unary } from "./unary.ts";

const getAttachInfo = unary("mgmt.MgmtSvc", "GetAttachInfo", GetAttachInfoReqSchema, GetAttachInfoRespSchema);

/** No rank has joined yet: 2.6 servers say it by this text, and clients wait for the first one. */
const EMPTY_GROUP_MAP = "empty group map";

export interface AttachInfoAnswer {
  readonly info: GetAttachInfoResp;
  /** The server that answered: "host:port". */
  readonly host: string;
}

/**
 * All ranks of the system and how to reach them over the fabric.
 * @throws what the management service answered, ManagementUnreachableError, or an Error when the answer is of no use
 */
export async function fetchAttachInfo(
  client: ClientContext,
  hosts: readonly string[],
): Promise<AttachInfoAnswer> {
  const { value: info, host } = await invokeLeaderCounting(
    getAttachInfo,
    hosts,
    { sys: client.sys, allRanks: true },
    client,
    {
      canRetry: (error) => errorText(causeOf(error)).includes(EMPTY_GROUP_MAP),
    },
  );
  if (info.clientNetHint === undefined || info.clientNetHint.provider === "") {
    throw new Error("GetAttachInfo response contained no provider");
  }
  return { info, host };
}
