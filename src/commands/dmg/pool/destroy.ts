import { defineCommand } from "citty";
import { listPools, poolDestroy } from "../../../client/pool.ts";
import { flag, poolId, required, text } from "../arguments.ts";
import { confirm } from "../confirm.ts";
import { dryRun, pool } from "../options.ts";
import { type Outcome, reported, runDmg, type Session } from "../session.ts";
import { poolListText } from "../views/pool.ts";

export const command = defineCommand({
  meta: { name: "destroy", description: "Destroy a DAOS pool" },
  args: {
    ...pool,
    recursive: { type: "boolean", alias: "r", description: "Remove pool with existing containers" },
    force: {
      type: "boolean",
      alias: "f",
      description: "Forcibly remove pool with active client connections",
    },
    ...dryRun,
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const force = flag(args, "force");
      const recursive = flag(args, "recursive");
      if (flag(args, "dry-run")) return await whatWouldGo(session, id);
      if (!force) await confirm(session, `Pool ${id} and all data in it will be destroyed.`);
      const client = await session.client();
      return await reported(session, "Pool-destroy command", () =>
        poolDestroy(client, id, { force, recursive }),
      );
    }),
});

async function whatWouldGo(session: Session, id: string): Promise<Outcome> {
  const { pools } = await listPools(await session.client(), { query: true });
  const found = pools.filter(({ uuid, label }) => uuid === id || label === id);
  if (found.length === 0) throw new Error(`there is no pool ${id}; see dmg pool list`);
  return { text: `Would destroy:\n${poolListText(found, { verbose: true, queried: true }).text}` };
}
