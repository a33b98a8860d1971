import { defineCommand } from "citty";
import { scrubProxies } from "../proxies.ts";
import { type AgentFlags, agentConfig, agentLog } from "./options.ts";

/** Runs the agent in the foreground until it is told to stop. */
export async function start(flags: AgentFlags): Promise<void> {
  scrubProxies(flags["allow-proxy"] === true);
  const config = await agentConfig(flags);
  const log = agentLog(config, flags);
  if (config.configPath !== undefined) log.info(`loaded agent config from path: ${config.configPath}`);
  const { runAgent } = await import("../../daemon/agent.ts");
  // From here on the process is long-lived: code that runs often is worth compiling.
  Bun.unsafe.setJITPolicy(1);
  try {
    await runAgent({
      config,
      log,
      disableAttachInfoCache: process.env["DAOS_AGENT_DISABLE_CACHE"] === "true",
      disableFabricCache: process.env["DAOS_AGENT_DISABLE_OFI_CACHE"] === "true",
    });
  } finally {
    await log.flush();
  }
}

export const command = defineCommand({
  meta: { name: "start", description: "Start daos_agent daemon (default behavior)" },
  run: ({ args }) => start(args as AgentFlags),
});
