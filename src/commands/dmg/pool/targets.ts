import { changePoolTargets } from "../../../client/pool.ts";
import { wrapError } from "../../../faults/cause.ts";
import { type Arguments, flag, numberList, poolId, required, text, uint32 } from "../arguments.ts";
import { pool, rebuildWatchFlag } from "../options.ts";
import { type Outcome, reported, runDmg, type Session } from "../session.ts";

/** What exclude, drain and reintegrate take. */
export const targetArgs = {
  ...pool,
  rank: { type: "string", required: true, description: "Rank of the engine", valueHint: "rank" },
  "target-idx": {
    type: "string",
    description: "Indexes of targets on that rank, comma-separated; all of them when none is named",
    valueHint: "indexes",
  },
  ...rebuildWatchFlag,
} as const;

export function changeTargets(
  args: Arguments,
  verb: "exclude" | "drain" | "reintegrate",
  name: string,
): Promise<void> {
  return runDmg(args, {}, async (session) => {
    const targets = {
      pool: poolId(required(text(args, "pool"), "pool")),
      rank: required(uint32(args, "rank"), "rank"),
      targets: targetIndexes(args),
    };
    const client = await session.client();
    const outcome = await reported(session, `${name} command`, () =>
      changePoolTargets(client, verb, targets),
    );
    return flag(args, "watch") ? await withRebuild(session, targets.pool, outcome) : outcome;
  });
}

/** The outcome of a verb, told at once, then the rebuild it causes until that is over. */
export async function withRebuild(session: Session, pool: string, outcome: Outcome): Promise<Outcome> {
  session.say(outcome.text ?? "");
  const { watchRebuild } = await import("./rebuild.ts");
  await watchRebuild(session, pool);
  return {};
}

/** @throws Error "parsing target list: …" */
export function targetIndexes(args: Arguments): number[] {
  try {
    return numberList(text(args, "target-idx") ?? "");
  } catch (error) {
    throw wrapError("parsing target list", error);
  }
}
