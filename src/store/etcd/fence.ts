import type { MessageInitShape } from "@bufbuild/protobuf";
import { Compare_CompareResult, Compare_CompareTarget, type CompareSchema } from "../../gen/etcd/rpc_pb.ts";
import { bytes } from "./keys.ts";

type CompareInit = MessageInitShape<typeof CompareSchema>;

/** Holds when the key was last written by that revision; 0: when there is no such key. */
export function unchangedSince(key: string, modRevision: bigint): CompareInit {
  return {
    key: bytes(key),
    result: Compare_CompareResult.EQUAL,
    target: Compare_CompareTarget.MOD,
    targetUnion: { case: "modRevision", value: modRevision },
  };
}

/**
 * What must hold for the leader of `term` to write: nobody has taken the leadership since. A leader that was
 * paused or cut off for however long changes nothing by it once another one leads.
 */
export function leaderFence(leaderKey: string, term: bigint): CompareInit[] {
  return [unchangedSince(leaderKey, term)];
}
