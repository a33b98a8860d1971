import { defineCommand } from "citty";
import { overwritePoolAcl } from "../../../client/acl.ts";
import { readAclFile } from "../../../client/acl-file.ts";
import { poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { runDmg } from "../session.ts";
import { changedAcl } from "./changed-acl.ts";

export const command = defineCommand({
  meta: { name: "overwrite-acl", description: "Overwrite a DAOS pool's Access Control List" },
  args: {
    ...pool,
    "acl-file": {
      type: "string",
      alias: "a",
      required: true,
      description: "File with the new access control list",
      valueHint: "path",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const entries = await readAclFile(required(text(args, "acl-file"), "acl-file"));
      const client = await session.client();
      return await changedAcl(session, "Pool-overwrite-ACL", id, () => overwritePoolAcl(client, id, entries));
    }),
});
