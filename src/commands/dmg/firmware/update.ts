import { defineCommand } from "citty";
import { firmwareUpdate } from "../../../client/firmware.ts";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { flag, required, text } from "../arguments.ts";
import { confirm } from "../confirm.ts";
import { dryRun, hostList } from "../options.ts";
import { runDmg } from "../session.ts";
import { hostErrorsText, printableHosts } from "../views/common.ts";
import { firmwareUpdateDocument, firmwareUpdateText } from "../views/firmware.ts";
import { deviceArgs, deviceFilter } from "./device-filter.ts";

export const command = defineCommand({
  meta: { name: "update", description: "Update the device firmware on DAOS storage nodes" },
  args: {
    ...hostList,
    ...deviceArgs,
    type: {
      type: "enum",
      alias: "t",
      options: ["nvme", "scm"],
      required: true,
      description: "Type of storage devices to update",
    },
    path: {
      type: "string",
      alias: "p",
      required: true,
      description: "Firmware file, to be read by all nodes",
      valueHint: "path",
    },
    ...dryRun,
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const type = text(args, "type") === "scm" ? "scm" : "nvme";
      const path = required(text(args, "path"), "path");
      const client = await session.client();
      const hosts = printableHosts(client.hosts);
      if (flag(args, "dry-run")) return { text: `Would update ${type} firmware on ${hosts} from ${path}.` };
      await confirm(session, `The firmware of ${type} devices on ${hosts} will be updated from ${path}.`);
      const answer = await firmwareUpdate(client, { type, path, ...deviceFilter(args) });
      return {
        response: firmwareUpdateDocument(answer),
        text: hostErrorsText(answer.errors) + firmwareUpdateText(answer, type, flag(args, "verbose")),
        error: session.json ? undefined : hostErrorsSummary(answer.errors),
      };
    }),
});
