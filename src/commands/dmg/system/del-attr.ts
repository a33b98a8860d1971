import { defineCommand } from "citty";
import { setSystemAttributes } from "../../../client/system-settings.ts";
import { required, text } from "../arguments.ts";
import { parseKeys } from "../property-list.ts";
import { inTextContext, runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "del-attr", description: "Delete system attributes" },
  args: {
    attributes: { type: "positional", description: "Attributes to delete", valueHint: "key[,key...]" },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const keys = parseKeys(required(text(args, "attributes"), "attributes"));
      const client = await session.client();
      // An attribute without a value is one that is gone.
      const unset = new Map(keys.map((key) => [key, ""]));
      await inTextContext(session, "system del-attr failed", () => setSystemAttributes(client, unset));
      return { text: "system del-attr succeeded" };
    }),
});
