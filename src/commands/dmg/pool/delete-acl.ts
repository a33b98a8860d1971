import { defineCommand } from "citty";
import { deletePoolAcl } from "../../../client/acl.ts";
import { poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { runDmg } from "../session.ts";
import { changedAcl } from "./changed-acl.ts";

export const command = defineCommand({
  meta: { name: "delete-acl", description: "Delete an entry from a DAOS pool's Access Control List" },
  args: {
    ...pool,
    principal: {
      type: "string",
      alias: "p",
      required: true,
      description: "Principal whose entry should be removed: u:user@, g:group@, OWNER@",
      valueHint: "principal",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const principal = required(text(args, "principal"), "principal");
      const client = await session.client();
      return await changedAcl(session, "Pool-delete-ACL", id, () => deletePoolAcl(client, id, principal));
    }),
});
