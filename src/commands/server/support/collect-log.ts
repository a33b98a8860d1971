import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineCommand } from "citty";
import { collectFromServer, type ServerFacts } from "../../../bundle/collect.ts";
import { logsOfTypes, SERVER_COMMANDS, SERVER_LOGS, Step, SYSTEM_COMMANDS } from "../../../bundle/steps.ts";
import { defaultServerConfig } from "../../../config/defaults.ts";
import { loadServerConfig } from "../../../config/server.ts";
import { activeConfigName } from "../../../config/to-yaml.ts";
import type { ServerConfig } from "../../../config/types.ts";
import { collectFlags } from "../../host/collect-flags.ts";
import { type CollectArgs, collectOnHost, type StepWords } from "../../host/collect-log.ts";
import { hostOptions, optionalConfig } from "../../storage/options.ts";

export const command = defineCommand({
  meta: { name: "collect-log", description: "Collect logs from server" },
  args: {
    "ignore-config": hostOptions["ignore-config"],
    config: hostOptions.config,
    ...collectFlags,
    "log-type": {
      type: "string",
      alias: "e",
      description: "Only these logs and nothing else: admin,control,server",
      valueHint: "types",
    },
  },
  async run({ args }) {
    const flags = args as CollectArgs;
    const facts = await serverFacts(args);
    const types = args["log-type"];
    const steps: StepWords[] =
      types === undefined || types === ""
        ? [
            [Step.serverConfig, [""]],
            [Step.systemCommand, SYSTEM_COMMANDS],
            [Step.serverCommand, SERVER_COMMANDS],
            [Step.serverLog, SERVER_LOGS],
          ]
        : [[Step.serverLog, logsOfTypes(types)]];
    if (flags["extra-logs-dir"]) steps.push([Step.extraLogs, [""]]);
    await collectOnHost(flags, "server", steps, (request) =>
      collectFromServer(request, facts, { onProblem: (text) => console.error(`NOTICE: ${text}`) }),
    );
  },
});

/** By the configuration file, else by what a running server has left where servers put it. */
async function serverFacts(args: Readonly<Record<string, unknown>>): Promise<ServerFacts> {
  const active = join(defaultServerConfig().socketDir, activeConfigName);
  let config: ServerConfig | undefined = await optionalConfig(args);
  let configFile = config?.configPath;
  if (config === undefined && existsSync(active)) {
    configFile = active;
    config = await loadServerConfig(active);
  }
  const { engines = [], controlLogFile, helperLogFile } = config ?? {};
  return {
    configFile,
    engineLogs: engines.flatMap(({ logFile }) => (logFile === undefined ? [] : [logFile])),
    controlLog: controlLogFile,
    helperLog: helperLogFile,
    runningEngines: await runningEngines(),
  };
}

/** Indices (-I) of the engines that run on this host. */
async function runningEngines(): Promise<number[]> {
  const found = new Set<number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (words[0]?.split("/").at(-1) !== "daos_engine") continue;
    const at = words.indexOf("-I");
    found.add(at < 0 ? 0 : Number(words[at + 1]) || 0);
  }
  return [...found].sort((a, b) => a - b);
}
