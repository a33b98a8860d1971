import { type Arguments, poolId } from "../arguments.ts";

/** Pools a check is about; none: all. */
export const poolArgs = {
  pools: {
    type: "positional",
    required: false,
    description: "Labels or UUIDs of pools; all of them when none is named",
    valueHint: "pool label or UUID...",
  },
} as const;

export function poolIds(args: Arguments): string[] {
  const words = args["_"];
  return Array.isArray(words) ? words.map((word) => poolId(String(word))) : [];
}
