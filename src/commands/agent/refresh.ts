import { defineCommand } from "citty";
import { askAgentRefresh } from "../../daemon/agent/control.ts";
import { printJson } from "../../ui/json.ts";
import { type AgentFlags, agentConfig } from "./options.ts";

export const command = defineCommand({
  meta: { name: "refresh", description: "Have the running agent look for news of servers and interfaces" },
  async run({ args }) {
    const { runtimeDir } = await agentConfig(args as AgentFlags);
    await askAgentRefresh(runtimeDir);
    if ((args as { json?: boolean }).json) printJson(null, null);
    else console.log("refreshed");
  },
});
