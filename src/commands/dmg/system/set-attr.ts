import { defineCommand } from "citty";
import { setSystemAttributes } from "../../../client/system-settings.ts";
import { required, text } from "../arguments.ts";
import { parseSettings } from "../property-list.ts";
import { inTextContext, runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "set-attr", description: "Set system attributes" },
  args: {
    attributes: {
      type: "positional",
      description: "Attributes to set",
      valueHint: "key:val[,key:val...]",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const attributes = parseSettings(required(text(args, "attributes"), "attributes"));
      const client = await session.client();
      await inTextContext(session, "system set-attr failed", () => setSystemAttributes(client, attributes));
      return { text: "system set-attr succeeded" };
    }),
});
