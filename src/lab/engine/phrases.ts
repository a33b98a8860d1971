import type { RebuildTask } from "./pool.ts";
import type { TargetChange } from "./pool-map.ts";

const words: Readonly<Record<string, string>> = {
  DOWN: "is down.",
  DRAIN: "is draining.",
  DOWNOUT: "is excluded",
  UPIN: "is reintegrated.",
  UP: "start reintegration.",
};

/** What the engine prints when a target changes: phrases that tools look for. */
export function describeChange({ target, from }: TargetChange): string {
  const what = target.state === "UP" && from === "NEW" ? "is being extended." : words[target.state];
  return (
    `Target[${target.id}] (rank ${target.rank} idx ${target.index} status ${target.state} ` +
    `in/out ver ${target.inVersion}/${target.outVersion} fseq ${target.failSeq}) ${what}`
  );
}

export function describeQueued(uuid: string, task: RebuildTask): string {
  return `Rebuild [queued] (pool=${uuid} ver=${task.version}) tgts=${task.targets.join(",")}`;
}
