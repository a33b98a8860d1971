/** Steps of collecting a support bundle: the numbers of 2.6's lib/support, which CollectLog carries. */
export const Step = {
  serverConfig: 0,
  systemCommand: 1,
  serverLog: 2,
  extraLogs: 3,
  serverCommand: 4,
  dmgCommand: 5,
  dmgDiskInfo: 6,
  agentCommand: 7,
  clientLog: 8,
  agentLog: 9,
  agentConfig: 10,
  rsync: 11,
  archive: 12,
} as const;

/** Folders of a bundle, below `<target>/<host>`, that tools unpacking it look for. */
export const Folder = {
  serverConfig: "DaosServerConfig",
  systemInfo: "GenSystemInfo",
  engineLogs: "EngineLogs",
  controlLogs: "ControlLogs",
  adminLogs: "AdminLogs",
  extraLogs: "ExtraLogs",
  nodeInfo: "DmgNodeLogs",
  agentInfo: "DaosAgentCmdInfo",
  clientLogs: "ClientLogs",
  agentLogs: "AgentLogs",
  agentConfig: "AgentConfig",
} as const;

/** Commands that tell of a host, as CollectLog names them. */
export const SYSTEM_COMMANDS = [
  "dmesg",
  "df -h",
  "mount",
  "ps axf",
  "top -bcn1 -w512",
  "lspci -D",
  "sysctl -a",
  "printenv",
  "rpm -qa --qf '(%{INSTALLTIME:date}): %{NAME}-%{VERSION}\\n'",
] as const;

export const SERVER_COMMANDS = ["daos_server version", "daos_metrics", "dump-topology"] as const;
export const SERVER_LOGS = ["EngineLog", "ControlLog", "HelperLog"] as const;
export const AGENT_COMMANDS = [
  "daos_agent version",
  "daos_agent net-scan",
  "daos_agent dump-topology",
] as const;

/** What `--log-type` says, in the words of CollectLog. @throws Error naming the types there are */
export function logsOfTypes(types: string): string[] {
  const logs: Record<string, string> = { server: "EngineLog", control: "ControlLog", admin: "HelperLog" };
  return types
    .split(",")
    .filter((type) => type !== "")
    .map((type) => {
      const log = logs[type];
      if (log === undefined) {
        throw new Error("Invalid log-type, please use admin,control,server log-type only");
      }
      return log;
    });
}
