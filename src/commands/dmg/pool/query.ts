import { defineCommand } from "citty";
import { defaultQueryMask, healthOnlyQueryMask, PoolQueryBit, poolQuery } from "../../../client/pool.ts";
import { wrapError } from "../../../faults/cause.ts";
import { flag, incompatibleFlags, poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { runDmg } from "../session.ts";
import { poolQueryDocument, poolQueryText } from "../views/pool.ts";

export const command = defineCommand({
  meta: { name: "query", description: "Query a DAOS pool" },
  args: {
    ...pool,
    "show-enabled": { type: "boolean", alias: "e", description: "Show the ranks which are enabled" },
    "show-disabled": { type: "boolean", alias: "b", description: "Show the ranks which are disabled" },
    "health-only": { type: "boolean", alias: "t", description: "Only perform pool health related queries" },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      let mask = flag(args, "health-only") ? healthOnlyQueryMask : defaultQueryMask;
      const enabled = flag(args, "show-enabled");
      const disabled = flag(args, "show-disabled");
      if (enabled && disabled) throw incompatibleFlags("show-enabled-ranks", "show-disabled-ranks");
      if (enabled) mask |= PoolQueryBit.enabled_engines;
      if (disabled) mask |= PoolQueryBit.disabled_engines;
      const client = await session.client();
      const answer = await poolQuery(client, id, mask).catch((error: unknown) => {
        throw session.json ? error : wrapError("pool query failed", error);
      });
      return { response: poolQueryDocument(answer), text: poolQueryText(answer) };
    }),
});
