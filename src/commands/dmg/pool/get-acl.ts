import { writeFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { getPoolAcl } from "../../../client/acl.ts";
import { formatAcl } from "../../../client/acl-text.ts";
import { flag, poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { inTextContext, runDmg } from "../session.ts";
import { aclDocument } from "../views/pool-settings.ts";

export const command = defineCommand({
  meta: { name: "get-acl", description: "Get a DAOS pool's Access Control List" },
  args: {
    ...pool,
    outfile: { type: "string", alias: "o", description: "Output ACL to file", valueHint: "path" },
    force: { type: "boolean", alias: "f", description: "Allow to clobber output file" },
    verbose: { type: "boolean", alias: "v", description: "Add descriptive comments to ACL entries" },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const client = await session.client();
      const acl = await inTextContext(session, "Pool-get-ACL command failed", () => getPoolAcl(client, id));
      const shown = formatAcl(acl, { verbose: flag(args, "verbose") });
      const file = text(args, "outfile");
      if (file === undefined || session.json) return { response: aclDocument(acl), text: shown };
      await writeAcl(file, shown, flag(args, "force"));
      return { text: `Wrote ACL to output file: ${file}` };
    }),
});

async function writeAcl(file: string, acl: string, overwrite: boolean): Promise<void> {
  try {
    await writeFile(file, acl, { flag: overwrite ? "w" : "wx" });
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") throw new Error(`file already exists: ${file}`);
    throw error;
  }
}
