import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { flag, hostOptions, socketOption } from "../../storage/options.ts";
import { scmReset } from "../../storage/scm.ts";

export const command = defineCommand({
  meta: { name: "reset", description: "Reset SCM devices that have been used with DAOS" },
  args: {
    ...hostOptions,
    ...socketOption,
    force: { type: "boolean", alias: "f", description: "Do not ask for confirmation" },
  },
  async run({ args }) {
    const { message, rebootRequired } = await scmReset(args);
    if (flag(args, "json")) printJson({ message, reboot_required: rebootRequired });
    else console.log(message);
  },
});
