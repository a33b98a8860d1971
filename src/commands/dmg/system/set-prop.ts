import { defineCommand } from "citty";
import { setSystemProperties } from "../../../client/system-settings.ts";
import { wrapError } from "../../../faults/cause.ts";
import { required, text } from "../arguments.ts";
import { parseSettings } from "../property-list.ts";
import { inTextContext, runDmg } from "../session.ts";
import { systemPropertyNamed } from "./property-names.ts";

export const command = defineCommand({
  meta: { name: "set-prop", description: "Set system properties" },
  args: {
    properties: {
      type: "positional",
      description: "Properties to set",
      valueHint: "key:val[,key:val...]",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const properties = parseSystemProperties(required(text(args, "properties"), "properties"));
      const client = await session.client();
      await inTextContext(session, "system set-prop failed", () => setSystemProperties(client, properties));
      return { text: "system set-prop succeeded" };
    }),
});

function parseSystemProperties(list: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const [key, value] of parseSettings(list)) {
    const property = systemPropertyNamed(key);
    try {
      properties.set(property.key, property.parse(value));
    } catch (error) {
      throw wrapError(`invalid system property value for ${key}`, error);
    }
  }
  return properties;
}
