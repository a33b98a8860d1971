import { defineCommand } from "citty";
import { getSystemAttributes } from "../../../client/system-settings.ts";
import { text } from "../arguments.ts";
import { parseKeys } from "../property-list.ts";
import { inTextContext, runDmg } from "../session.ts";
import { attributesDocument, attributesText } from "../views/settings.ts";

export const command = defineCommand({
  meta: { name: "get-attr", description: "Get system attributes" },
  args: {
    attributes: {
      type: "positional",
      required: false,
      description: "Attributes to get; all of them when none is named",
      valueHint: "key[,key...]",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const names = text(args, "attributes");
      const keys = names === undefined ? [] : parseKeys(names);
      const client = await session.client();
      const attributes = await inTextContext(session, "system get-attr failed", () =>
        getSystemAttributes(client, keys),
      );
      return { response: attributesDocument(attributes), text: attributesText(attributes) };
    }),
});
