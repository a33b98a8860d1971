import { access, constants } from "node:fs/promises";
import { defineCommand } from "citty";
import { hostWithoutPort } from "../../../client/hostset.ts";
import { wrapError } from "../../../faults/cause.ts";
import { required, text } from "../arguments.ts";
import { runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "config", description: "Configure telemetry" },
  args: {
    "install-dir": {
      type: "string",
      alias: "i",
      required: true,
      description: "Install directory for telemetry binary",
      valueHint: "path",
    },
    system: {
      type: "string",
      alias: "s",
      default: "prometheus",
      description: "Telemetry system to configure",
      valueHint: "name",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const system = text(args, "system") ?? "prometheus";
      if (system.toLowerCase() !== "prometheus") throw new Error(`unsupported telemetry system: "${system}"`);
      const folder = required(text(args, "install-dir"), "install-dir");
      await access(folder, constants.W_OK).catch((error: unknown) => {
        throw wrapError(`Install folder ${folder} does not have write permission`, error);
      });
      const { configurePrometheus } = await import("./prometheus.ts");
      const hosts = (await session.client()).hosts.map(hostWithoutPort);
      const file = await configurePrometheus(folder, hosts, session);
      return { text: `Wrote DAOS monitoring config to ${file}` };
    }),
});
