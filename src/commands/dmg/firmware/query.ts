import { defineCommand } from "citty";
import { firmwareQuery } from "../../../client/firmware.ts";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { flag, text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { runDmg } from "../session.ts";
import { hostErrorsText } from "../views/common.ts";
import { firmwareQueryDocument, firmwareQueryText } from "../views/firmware.ts";
import { deviceArgs, deviceFilter } from "./device-filter.ts";

export const command = defineCommand({
  meta: { name: "query", description: "Query device firmware versions and status on DAOS storage nodes" },
  args: {
    ...hostList,
    ...deviceArgs,
    type: {
      type: "enum",
      alias: "t",
      options: ["nvme", "scm", "all"],
      default: "all",
      description: "Type of storage devices to query",
    },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const type = text(args, "type");
      const wanted = { scm: type !== "nvme", nvme: type !== "scm", ...deviceFilter(args) };
      const answer = await firmwareQuery(await session.client(), wanted);
      return {
        response: firmwareQueryDocument(answer, wanted),
        text: hostErrorsText(answer.errors) + firmwareQueryText(answer, wanted, flag(args, "verbose")),
        error: session.json ? undefined : hostErrorsSummary(answer.errors),
      };
    }),
});
