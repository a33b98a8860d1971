/** Ctrl-C, as a process of its own gets it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import path from "node:path";
import { CtlSvc } from "../../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { CallContext } from "../../src/services/method.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";
import { waitFor } from "../support/wait.ts";
import { type DmgBench, dmgBench } from "./run-dmg.ts";

let server: RpcServer;
let bench: DmgBench;
let asked = 0;
let calledOff = 0;

/** Never answers, and notes that the caller has given up. */
function hang(_request: unknown, { signal }: CallContext): Promise<never> {
  asked++;
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      calledOff++;
      reject(signal.reason);
    });
  });
}

beforeAll(async () => {
  const members = [{ rank: 0, addr: "10.0.0.1:10001", state: "joined" }];
  const methods = {
    systemStop: { roles: ["admin"] as const, handle: hang },
    systemQuery: {
      roles: ["admin"] as const,
      handle: () => {
        asked++;
        return { members, dataVersion: 1n };
      },
    },
  };
  server = await serveRpc({
    services: [
      rpcService(MgmtSvc, methods),
      rpcService(CtlSvc, { storageScan: { roles: ["admin"], handle: hang } }),
    ],
    transport: { insecure: true },
    listen: [{ host: "127.0.0.1", port: 0 }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  bench = dmgBench([`127.0.0.1:${server.port}`]);
});

afterAll(async () => {
  await server.close(0);
  bench.remove();
});

/** Starts a command, sends it SIGINT once the server has been asked, and waits for its end. */
async function interrupted(...argv: string[]) {
  const before = asked;
  const main = path.resolve(import.meta.dirname, "../../src/main.ts");
  const child = Bun.spawn(
    [process.execPath, main, "dmg", "-o", path.join(bench.folder, "daos_control.yml"), ...argv],
    { stdout: "pipe", stderr: "pipe", stdin: "ignore" },
  );
  await waitFor("the server to be asked", () => asked > before);
  child.kill("SIGINT");
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, status };
}

describe("Ctrl-C", () => {
  test("calls a request off and ends with 130, saying so once", async () => {
    const before = calledOff;
    expect(await interrupted("system", "stop", "--force")).toEqual({
      status: 130,
      stdout: "",
      stderr: expect.stringMatching(/^ERROR: dmg: (\w[\w ]*: )*interrupted\n$/),
    });
    await waitFor("the server to know", () => calledOff > before);
  });

  test("gives one whole document with --json", async () => {
    const { status, stdout } = await interrupted("--json", "system", "stop", "--force");
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({
      response: null,
      error: expect.stringContaining("interrupted"),
    });
  });

  test("of a question to many hosts shows nothing half-said", async () => {
    const { status, stdout, stderr } = await interrupted("storage", "scan");
    expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
    expect(stderr).toMatch(/interrupted\n$/);
  });

  test("is the ordinary end of --watch", async () => {
    const { status, stdout, stderr } = await interrupted("system", "query", "--watch");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout === "" || stdout.includes("Joined")).toBe(true);
  });
});
