import { defineCommand } from "citty";
import type { DmgClient } from "../../../client/context.ts";
import { defaultQueryMask, healthOnlyQueryMask, PoolQueryBit, poolQuery } from "../../../client/pool.ts";
import { flag, incompatibleFlags, poolId, required, text } from "../arguments.ts";
import { pool, watchFlag } from "../options.ts";
import { inTextContext, runDmg } from "../session.ts";
import { poolQueryDocument, poolQueryText } from "../views/pool.ts";

export const command = defineCommand({
  meta: { name: "query", description: "Query a DAOS pool" },
  args: {
    ...pool,
    "show-enabled": { type: "boolean", alias: "e", description: "Show the ranks which are enabled" },
    "show-disabled": { type: "boolean", alias: "b", description: "Show the ranks which are disabled" },
    "health-only": { type: "boolean", alias: "t", description: "Only perform pool health related queries" },
    ...watchFlag,
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
      const query = (client: DmgClient) =>
        inTextContext(session, "pool query failed", () => poolQuery(client, id, mask));
      if (flag(args, "watch")) {
        const { watchQuery } = await import("../watch.ts");
        return await watchQuery(session, async (client) => poolQueryText(await query(client)));
      }
      const answer = await query(await session.client());
      return { response: poolQueryDocument(answer), text: poolQueryText(answer) };
    }),
});
