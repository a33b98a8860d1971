import { defineCommand } from "citty";
import { fixedAtCreation } from "../../../client/pool-properties.ts";
import { setPoolProperties } from "../../../client/pool-settings.ts";
import { poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { parsePoolSettings } from "../pool-properties.ts";
import { inTextContext, runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "set-prop", description: "Set pool property" },
  args: {
    ...pool,
    properties: {
      type: "positional",
      description: "Properties to set",
      valueHint: "key:val[,key:val...]",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const properties = parsePoolSettings(required(text(args, "properties"), "properties"));
      for (const { name } of properties) {
        const refusal = fixedAtCreation.get(name);
        if (refusal !== undefined) throw new Error(refusal);
      }
      const client = await session.client();
      await inTextContext(session, "pool set-prop failed", () => setPoolProperties(client, id, properties));
      return { text: "pool set-prop succeeded" };
    }),
});
