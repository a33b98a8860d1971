import type { MessageInitShape } from "@bufbuild/protobuf";
import { errorText, faultResolution, isFault } from "../../faults/fault.ts";
import { type ResponseStateSchema, ResponseStatus } from "../../gen/ctl/common_pb.ts";

export type ResponseStateInit = MessageInitShape<typeof ResponseStateSchema>;

/** An error as it travels inside an answer; `info` tells how to mend it. No error: success. */
export function responseState(error: unknown, status: ResponseStatus, info = ""): ResponseStateInit {
  if (error === undefined) return { status: ResponseStatus.CTL_SUCCESS, info };
  const advice = isFault(error) ? (faultResolution(error) ?? info) : info;
  return { status, error: errorText(error), info: advice };
}
