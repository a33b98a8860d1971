import { defineCommand } from "citty";
import { getPoolProperties } from "../../../client/pool-settings.ts";
import { poolId, required, text } from "../arguments.ts";
import { pool } from "../options.ts";
import { parsePoolKeys } from "../pool-properties.ts";
import { inTextContext, runDmg } from "../session.ts";
import { poolPropertiesDocument, poolPropertiesText } from "../views/pool-settings.ts";

export const command = defineCommand({
  meta: { name: "get-prop", description: "Get pool properties" },
  args: {
    ...pool,
    properties: {
      type: "positional",
      required: false,
      description: "Properties to get; all of them when none is named",
      valueHint: "key[,key...]",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const id = poolId(required(text(args, "pool"), "pool"));
      const keys = parsePoolKeys(text(args, "properties"));
      const client = await session.client();
      const properties = await inTextContext(session, "pool get-prop failed", () =>
        getPoolProperties(client, id, keys),
      );
      return { response: poolPropertiesDocument(properties), text: poolPropertiesText(id, properties) };
    }),
});
