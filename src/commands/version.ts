import { defineCommand } from "citty";
import { versionText } from "../cli/version-text.ts";

export const command = defineCommand({
  meta: { name: "version", description: "Print the version" },
  args: { json: { type: "boolean", alias: "j", description: "Print one JSON document instead of text" } },
  run({ args }) {
    console.log(versionText(args.json === true));
  },
});
