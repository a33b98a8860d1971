import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { daosctl, run } from "../support/daosctl.ts";
import {
  loopbackInfo,
  type ManagementPeer,
  type RunningAgent,
  startAgent,
  startManagement,
} from "./bench.ts";

const POOL = "0a5ad9d1-1f5b-4a07-b8ac-9d8b6f0c6a01";
const HANDLE = "7d1f1f76-0000-4000-8000-000000000001";
const root = fs.mkdtempSync(path.join(os.tmpdir(), "agent-status-"));
const config = path.join(root, "daos_agent.yml");
let management: ManagementPeer;
let agent: RunningAgent;

beforeAll(async () => {
  management = await startManagement();
  agent = await startAgent({ folder: root, port: management.port });
});
afterAll(async () => {
  agent.signal("SIGKILL");
  await agent.exited;
  await management.close();
  fs.rmSync(root, { recursive: true, force: true });
});

const ask = (...words: string[]) => run(daosctl("agent", "-o", config, ...words));

async function statusDocument() {
  const { stdout } = await run(daosctl("agent", "-o", config, "-j", "status"));
  return JSON.parse(stdout).response;
}

describe("agent status", () => {
  test("is for the agent's user and root alone", () => {
    const mode = (name: string) => fs.statSync(path.join(root, "run", name)).mode & 0o777;
    expect(mode("daos_agent_control.sock")).toBe(0o600);
    expect(mode("daos_agent.sock")).toBe(0o666);
  });

  test("says that nothing is known yet", async () => {
    const { stdout, status } = await ask("status");
    expect(status).toBe(0);
    expect(stdout).toContain("Attach info: not fetched yet");
    expect(stdout).toContain(`Servers:     127.0.0.1:${management.port}`);
  });

  test("tells who answered, what is cached, and who holds handles", async () => {
    await agent.getAttachInfo();
    await agent.poolConnected(POOL, HANDLE);
    const status = await statusDocument();
    expect(status).toMatchObject({
      pid: agent.pid,
      system: "daos_server",
      secure: false,
      attach_info: {
        cached: true,
        version: "7",
        ranks: 2,
        providers: ["ofi+tcp"],
        server: `127.0.0.1:${management.port}`,
        fetches: 1,
        failures: 0,
        last_error: null,
      },
      processes: [{ pid: process.pid, pools: [{ pool: POOL, handles: [HANDLE] }] }],
    });
    const calls = status.calls.find(({ method }: { method: string }) => method === "MGMT:GET_ATTACH_INFO");
    expect(calls.calls).toBeGreaterThanOrEqual(1);
    const { stdout } = await ask("status");
    expect(stdout).toContain("2 ranks, ofi+tcp, version 7");
    expect(stdout).toContain(POOL);
  });
});

test("agent refresh has the servers asked again", async () => {
  await agent.getAttachInfo();
  const before = management.asked.length;
  management.answer = { ...loopbackInfo, msRanks: [1], dataVersion: 8n };
  expect((await ask("refresh")).status).toBe(0);
  expect(management.asked.length).toBe(before + 1);
  expect((await agent.getAttachInfo()).msRanks).toEqual([1]);
});

test("agent refresh says what failed", async () => {
  management.answer = () => {
    throw new Error("no luck today");
  };
  const { status, stderr } = await ask("refresh");
  expect(status).toBe(1);
  expect(stderr).toContain("no luck today");
  management.answer = loopbackInfo;
});

test("where no agent runs it says so", async () => {
  const { status, stderr } = await run(daosctl("agent", "-s", path.join(root, "nowhere"), "-i", "status"));
  expect(status).toBe(1);
  expect(stderr).toContain("no agent answers at");
});
