import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type AgentFacts,
  type CollectRequest,
  collectFromAgent,
  collectFromServer,
  type ServerFacts,
} from "../../src/bundle/collect.ts";
import { outputFileName, words } from "../../src/bundle/commands.ts";
import { hostFolderName } from "../../src/bundle/files.ts";
import { Step } from "../../src/bundle/steps.ts";
import { tempFolder } from "../support/temp.ts";
import { failureOf } from "../support/wait.ts";

const noServer: ServerFacts = {
  configFile: undefined,
  engineLogs: [],
  controlLog: undefined,
  helperLog: undefined,
  runningEngines: [],
};
const noAgent: AgentFacts = { configFile: undefined, logFile: undefined, clientLog: undefined };
const quiet = { onProblem() {} };

const onServer = (request: CollectRequest, facts: Partial<ServerFacts> = {}) =>
  collectFromServer(request, { ...noServer, ...facts }, quiet);
const onAgent = (request: CollectRequest, facts: Partial<AgentFacts> = {}) =>
  collectFromAgent(request, { ...noAgent, ...facts }, quiet);

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

describe("a client node's bundle", () => {
  test("holds configuration, agent log and what libdaos logged", async () => {
    await using folder = await tempFolder();
    const at = (name: string) => join(folder.path, name);
    for (const name of ["daos_agent.yml", "agent.log", "client.log", "client.log.1"]) {
      await writeFile(at(name), name);
    }
    const facts = { configFile: at("daos_agent.yml"), logFile: at("agent.log"), clientLog: at("client.log") };
    const target = at("bundle");
    for (const step of [Step.agentConfig, Step.agentLog, Step.clientLog])
      await onAgent({ step, target }, facts);
    expect(await filesBelow(join(target, hostFolderName()))).toEqual([
      "AgentConfig/daos_agent.yml",
      "AgentLogs/agent.log",
      "ClientLogs/client.log",
      "ClientLogs/client.log.1",
    ]);
    expect((await stat(target)).mode & 0o777).toBe(0o700);
  });

  test("holds what daos_agent tells of the node", async () => {
    await using folder = await tempFolder();
    const target = join(folder.path, "bundle");
    await onAgent({ step: Step.agentCommand, target, command: "daos_agent dump-topology" });
    const file = join(target, hostFolderName(), "DaosAgentCmdInfo/daos_agent_dump-topology");
    expect(await readFile(file, "utf8")).toStartWith("NUMA Node 0\n");
  });
});

describe("nothing leaves that should not", () => {
  test("private keys and links stay out of extra logs", async () => {
    await using folder = await tempFolder();
    const extra = join(folder.path, "extra");
    await mkdir(join(extra, "deep"), { recursive: true });
    await writeFile(join(extra, "deep/a.log"), "a");
    await writeFile(join(extra, "server.key"), "k");
    await writeFile(join(extra, "pem"), "-----BEGIN PRIVATE KEY-----\n");
    await symlink("/etc/passwd", join(extra, "link"));
    const target = join(folder.path, "bundle");
    await onServer({ step: Step.extraLogs, target, extraLogsDir: extra });
    expect(await filesBelow(join(target, hostFolderName(), "ExtraLogs"))).toEqual(["deep/a.log"]);
  });

  test("a log that is in truth a private key is refused", async () => {
    await using folder = await tempFolder();
    const key = join(folder.path, "x");
    await writeFile(key, "-----BEGIN PRIVATE KEY-----\n");
    const request = { step: Step.serverLog, target: join(folder.path, "b"), command: "ControlLog" };
    expect((await failureOf(onServer(request, { controlLog: key }))).message).toContain("is a private key");
  });

  test("a command is one of those that are collected", async () => {
    await using folder = await tempFolder();
    const target = join(folder.path, "b");
    for (const command of ["id", "df -h; id", "df  -h", "$(id)", ""]) {
      const error = await failureOf(onServer({ step: Step.systemCommand, target, command }));
      expect(error.message).toContain("is not a command that is collected");
    }
  });

  test.each(["-oProxyCommand=x", "a b", "host:path", "", "a;b"])(
    "%j is no admin node to send logs to",
    async (adminNode) => {
      await using folder = await tempFolder();
      const error = await failureOf(
        onServer({ step: Step.rsync, target: join(folder.path, "b"), adminNode }),
      );
      expect(error.message).toContain("is not the name of an admin node");
    },
  );
});

describe("the target folder", () => {
  const request = { step: Step.extraLogs, extraLogsDir: "/nowhere" };

  test.each(["relative/folder", "", "/"])("%j is refused", async (target) => {
    expect((await failureOf(onServer({ ...request, target }))).message).toContain("must be an absolute path");
  });

  test("must not be a link that somebody has laid", async () => {
    await using folder = await tempFolder();
    await symlink("/etc", join(folder.path, "bundle"));
    const error = await failureOf(onServer({ ...request, target: join(folder.path, "bundle") }));
    expect(error.message).toContain("is not a folder");
  });

  test("must not be open to everybody", async () => {
    await using folder = await tempFolder();
    const target = join(folder.path, "bundle");
    await mkdir(target);
    await chmod(target, 0o777);
    expect((await failureOf(onServer({ ...request, target }))).message).toContain("written by everybody");
  });

  test("is packed for its owner alone", async () => {
    await using folder = await tempFolder();
    const target = join(folder.path, "bundle");
    await writeFile(join(folder.path, "c.log"), "x");
    await onServer(
      { step: Step.serverLog, target, command: "ControlLog" },
      { controlLog: join(folder.path, "c.log") },
    );
    await onServer({ step: Step.archive, target });
    expect((await stat(`${target}.tar.gz`)).mode & 0o777).toBe(0o600);
  });
});

describe("commands", () => {
  test.each([
    ["top -bcn1 -w512", "top_bcn1_w512"],
    ["ps axf", "ps_axf"],
    ["daos_metrics -S 0", "daos_metrics_S_0"],
    ["daos_agent net-scan", "daos_agent_net-scan"],
  ])("%j is written to %j, as 2.6 names it", (command, name) => {
    expect(outputFileName(command)).toBe(name);
  });

  test("quotes keep a word together", () => {
    expect(words("rpm -qa --qf '(%{A}): %{B}\\n'")).toEqual(["rpm", "-qa", "--qf", "(%{A}): %{B}\n"]);
  });
});
