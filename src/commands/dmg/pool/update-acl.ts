import { defineCommand } from "citty";
import { updatePoolAcl } from "../../../client/acl.ts";
import { readAclFile } from "../../../client/acl-file.ts";
import { poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { runDmg } from "../session.ts";
import { changedAcl } from "./changed-acl.ts";

export const command = defineCommand({
  meta: { name: "update-acl", description: "Update entries in a DAOS pool's Access Control List" },
  args: {
    ...pool,
    "acl-file": {
      type: "string",
      alias: "a",
      description: "File with entries to add or update",
      valueHint: "path",
    },
    entry: {
      type: "string",
      alias: "e",
      description: "One entry to add or update: A::user@:rw",
      valueHint: "entry",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const file = text(args, "acl-file");
      const entry = text(args, "entry");
      if ((file === undefined) === (entry === undefined)) {
        throw new Error("either ACL file or entry parameter is required");
      }
      const entries = entry === undefined ? await readAclFile(file!) : [entry];
      const client = await session.client();
      return await changedAcl(session, "Pool-update-ACL", id, () => updatePoolAcl(client, id, entries));
    }),
});
