import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RankResultSchema } from "../../gen/shared/ranks_pb.ts";
import type { MemberStateName } from "../../system/types.ts";

export type RankResultInit = MessageInitShape<typeof RankResultSchema>;

/** A rank is in the state that was wanted. */
export function rankOk(rank: number, state: MemberStateName, msg = ""): RankResultInit {
  return { rank, state: state.toLowerCase(), msg };
}

/** It is not; an error always means errored, or unresponsive when it did not answer in time. */
export function rankFailed(rank: number, msg: string, state: MemberStateName = "Errored"): RankResultInit {
  return { rank, errored: true, msg, state: state.toLowerCase() };
}
