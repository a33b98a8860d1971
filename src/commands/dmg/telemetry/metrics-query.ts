import { defineCommand } from "citty";
import { queryMetrics } from "../../../client/telemetry.ts";
import { text } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { metricsQueryDocument, metricsQueryText } from "../views/telemetry.ts";
import { metricsArgs, metricsSource } from "./metrics-source.ts";

export const command = defineCommand({
  meta: { name: "query", description: "Query metrics on a DAOS storage node" },
  args: {
    ...metricsArgs,
    metrics: {
      type: "string",
      alias: "m",
      description: "Names of metrics, comma-separated; all of them when none is named",
      valueHint: "names",
    },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const names = (text(args, "metrics") ?? "")
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "");
      const families = await queryMetrics(metricsSource(session), names);
      return { response: metricsQueryDocument(families), text: metricsQueryText(families) };
    }),
});
