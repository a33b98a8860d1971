import { defineCommand } from "citty";
import { getSystemProperties } from "../../../client/system-settings.ts";
import { text } from "../arguments.ts";
import { parseKeys } from "../property-list.ts";
import { inTextContext, runDmg } from "../session.ts";
import { systemPropertiesDocument, systemPropertiesText } from "../views/settings.ts";
import { systemPropertyNamed } from "./property-names.ts";

export const command = defineCommand({
  meta: { name: "get-prop", description: "Get system properties" },
  args: {
    properties: {
      type: "positional",
      required: false,
      description: "Properties to get; all of them when none is named",
      valueHint: "key[,key...]",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const names = text(args, "properties");
      const keys = names === undefined ? [] : parseKeys(names).map((name) => systemPropertyNamed(name).key);
      const client = await session.client();
      const properties = await inTextContext(session, "system get-prop failed", () =>
        getSystemProperties(client, keys),
      );
      return { response: systemPropertiesDocument(properties), text: systemPropertiesText(properties) };
    }),
});
