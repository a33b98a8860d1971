import { defineCommand } from "citty";
import { listMetrics } from "../../../client/telemetry.ts";
import { runDmg } from "../session.ts";
import { metricsListDocument, metricsListText } from "../views/telemetry.ts";
import { metricsArgs, metricsSource } from "./metrics-source.ts";

export const command = defineCommand({
  meta: { name: "list", description: "List available metrics on a DAOS storage node" },
  args: metricsArgs,
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const families = await listMetrics(metricsSource(session));
      return { response: metricsListDocument(families), text: metricsListText(families) };
    }),
});
