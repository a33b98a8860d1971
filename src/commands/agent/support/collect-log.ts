import { defineCommand } from "citty";
import { collectFromAgent } from "../../../bundle/collect.ts";
import { AGENT_COMMANDS, Step, SYSTEM_COMMANDS } from "../../../bundle/steps.ts";
import { collectFlags } from "../../host/collect-flags.ts";
import { type CollectArgs, collectOnHost, type StepWords } from "../../host/collect-log.ts";
import { type AgentFlags, agentConfig } from "../options.ts";

export const command = defineCommand({
  meta: { name: "collect-log", description: "Collect logs from client" },
  args: collectFlags,
  async run({ args }) {
    const config = await agentConfig(args as AgentFlags);
    const facts = {
      configFile: config.configPath,
      logFile: config.logFile,
      // As libdaos is told where to log.
      clientLog: process.env["D_LOG_FILE"] || undefined,
    };
    const flags = args as CollectArgs;
    const steps: StepWords[] = [
      [Step.agentConfig, [""]],
      [Step.agentLog, [""]],
      [Step.agentCommand, AGENT_COMMANDS],
      [Step.clientLog, [""]],
      [Step.systemCommand, SYSTEM_COMMANDS],
    ];
    if (flags["extra-logs-dir"]) steps.push([Step.extraLogs, [""]]);
    await collectOnHost(flags, "client", steps, (request) =>
      collectFromAgent(request, facts, { onProblem: (text) => console.error(`NOTICE: ${text}`) }),
    );
  },
});
