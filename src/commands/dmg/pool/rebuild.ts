/** `--watch` of the verbs that move a pool's data: their rebuild on the screen until it is over. */
import { healthOnlyQueryMask, poolQuery } from "../../../client/pool.ts";
import { type PoolQueryResp, PoolRebuildStatus_State } from "../../../gen/mgmt/pool_pb.ts";
import type { Session } from "../session.ts";
import { rebuildText } from "../views/pool.ts";
import { watch } from "../watch.ts";

/** A rebuild starts some time after the command that caused it; without one for so long there is none. */
const startMs = 10_000;

/**
 * Over is a rebuild that was seen and is not busy any more, that failed, or that did not start in time.
 * @throws Error of the first query, or when the rebuild failed
 */
export async function watchRebuild(
  session: Session,
  pool: string,
  options: { readonly startMs?: number; readonly intervalMs?: number } = {},
): Promise<void> {
  const client = await session.client();
  const giveUp = performance.now() + (options.startMs ?? startMs);
  let seen = false;
  let status = 0;
  const read = async () => {
    const answer = await poolQuery(client, pool, healthOnlyQueryMask);
    const busy = isBusy(answer);
    seen ||= busy;
    status = answer.rebuild?.status ?? 0;
    const done = !busy && (seen || status !== 0 || performance.now() >= giveUp);
    return { text: frameText(answer), done };
  };
  await watch(session, read, { intervalMs: options.intervalMs ?? 1000 });
  if (status !== 0) throw new Error(`rebuild of pool ${pool} failed, status=${status}`);
}

function isBusy({ rebuild }: PoolQueryResp): boolean {
  return rebuild?.state === PoolRebuildStatus_State.BUSY;
}

function frameText(answer: PoolQueryResp): string {
  const { disabledTargets, totalTargets } = answer;
  return `${rebuildText(answer)}\n- Disabled targets: ${disabledTargets} of ${totalTargets}`;
}
