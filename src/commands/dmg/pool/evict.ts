import { defineCommand } from "citty";
import { poolEvict } from "../../../client/pool.ts";
import { poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { reported, runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "evict", description: "Evict all pool connections to a DAOS pool" },
  args: pool,
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const client = await session.client();
      return await reported(session, "Pool-evict command", () => poolEvict(client, id));
    }),
});
