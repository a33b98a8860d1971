import { defineCommand } from "citty";
import { listPools } from "../../../client/pool.ts";
import { PoolRebuildStatus_State } from "../../../gen/mgmt/pool_pb.ts";
import { type Arguments, flag } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { poolListDocument, poolListText } from "../views/pool.ts";

const args = {
  verbose: { type: "boolean", alias: "v", description: "Add pool UUIDs and service replica lists" },
  "no-query": { type: "boolean", alias: "n", description: "Do not query the listed pools" },
  "rebuild-only": { type: "boolean", alias: "r", description: "Only pools whose rebuild is not idle" },
} as const;

export const command = defineCommand({
  meta: { name: "list", alias: "ls", description: "List DAOS pools" },
  args,
  run: ({ args }) => run(args),
});

/** `system list-pools` is the same under its older name. */
export const listPoolsCommand = defineCommand({
  meta: { name: "list-pools", description: "List all pools in the DAOS system" },
  args,
  run: ({ args }) => run(args),
});

function run(args: Arguments): Promise<void> {
  return runDmg(args, { failure: "list pools failed" }, async (session) => {
    const queried = !flag(args, "no-query");
    const answer = await listPools(await session.client(), { query: queried });
    const pools = flag(args, "rebuild-only")
      ? answer.pools.filter(
          ({ query }) => query?.rebuild && query.rebuild.state !== PoolRebuildStatus_State.IDLE,
        )
      : answer.pools;
    const shown = poolListText(pools, { verbose: flag(args, "verbose"), queried });
    return {
      response: poolListDocument(answer.status, pools),
      ...shown,
      // 2.6 fails the command for a pool it could not query, but not with --json.
      error: session.json || shown.warnings === "" ? undefined : new Error(shown.warnings.trimEnd()),
    };
  });
}
