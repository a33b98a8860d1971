import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { callDrpc } from "../../src/drpc/client.ts";
import { DrpcStatusError, Status } from "../../src/drpc/status.ts";
import type { CertificateFiles } from "../../src/security/certificates.ts";
import { checkVerifier, readSysToken } from "../../src/security/credentials.ts";
import { daosctl, run } from "../support/daosctl.ts";
import { waitFor } from "../support/wait.ts";
import {
  type AgentStart,
  loopbackInfo,
  type ManagementPeer,
  type RunningAgent,
  startAgent,
  startManagement,
  testCertificates,
} from "./bench.ts";

const POOL = "0a5ad9d1-1f5b-4a07-b8ac-9d8b6f0c6a01";
const POOL2 = "0a5ad9d1-1f5b-4a07-b8ac-9d8b6f0c6a02";
const handle = (n: number) => `7d1f1f76-0000-4000-8000-00000000000${n}`;

const root = fs.mkdtempSync(path.join(os.tmpdir(), "agent-"));
let folders = 0;
const agents: RunningAgent[] = [];
const peers: ManagementPeer[] = [];

afterEach(async () => {
  for (const agent of agents.splice(0)) {
    agent.signal("SIGKILL");
    await agent.exited;
  }
  for (const peer of peers.splice(0)) await peer.close();
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

function newFolder(): string {
  const folder = path.join(root, String(++folders));
  fs.mkdirSync(folder);
  return folder;
}

async function management(certs?: CertificateFiles, port?: number): Promise<ManagementPeer> {
  const peer = await startManagement(certs, port);
  peers.push(peer);
  return peer;
}

async function agent(start: Omit<AgentStart, "folder">): Promise<RunningAgent> {
  const started = await startAgent({ folder: newFolder(), ...start });
  agents.push(started);
  return started;
}

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const peer = await startManagement();
  await peer.close();
  return peer.port;
}

/** Logs are written behind the answers. */
async function logged(client: RunningAgent, text: string | RegExp): Promise<void> {
  const found = () => (typeof text === "string" ? client.log().includes(text) : text.test(client.log()));
  await waitFor(`${text} in the log`, found, 3000);
}

const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (reason: unknown) => reason,
  );

describe("GetAttachInfo", () => {
  test("tells ranks, hints and an interface of this node", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port, yaml: "" });
    const info = await client.getAttachInfo();
    expect(info.status).toBe(0);
    expect(info.rankUris.map(({ rank, uri }) => [rank, uri])).toEqual([
      [0, "ofi+tcp://127.0.0.1:31416"],
      [1, "ofi+tcp://127.0.0.1:31516"],
    ]);
    expect(info.msRanks).toEqual([0]);
    expect(info.sys).toBe("daos_server");
    expect(info.dataVersion).toBe(0n);
    const hint = info.clientNetHint!;
    expect([hint.provider, hint.interface, hint.domain]).toEqual(["ofi+tcp", "lo", "lo"]);
    expect([hint.crtTimeout, hint.netDevClass, hint.srvSrxSet, hint.envVars]).toEqual([10, 772, 1, ["K=V"]]);
    expect(ms.asked).toEqual(["daos_server-2.6.0 true"]);
    await logged(client, /pid:\d+ \(.*\): numa:0 iface:lo dom:lo prov:ofi\+tcp srx:1/);
  });

  test("is fetched once for all that ask at the same time, and then kept", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    const infos = await Promise.all(Array.from({ length: 50 }, () => client.getAttachInfo()));
    expect(new Set(infos.map((info) => info.rankUris.length))).toEqual(new Set([2]));
    await client.getAttachInfo();
    expect(ms.asked.length).toBe(1);
  });

  test("is fetched anew after SIGUSR2", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    await client.getAttachInfo();
    ms.answer = { ...loopbackInfo, msRanks: [1] };
    expect((await client.getAttachInfo()).msRanks).toEqual([0]);
    client.signal("SIGUSR2");
    await waitFor("the new answer", async () => (await client.getAttachInfo()).msRanks[0] === 1);
    expect(ms.asked.length).toBe(2);
  });

  test("is fetched each time with caching disabled, by file or environment", async () => {
    const ms = await management();
    const byFile = await agent({ port: ms.port, yaml: "disable_caching: true\n" });
    const byEnvironment = await agent({ port: ms.port, env: { DAOS_AGENT_DISABLE_CACHE: "true" } });
    for (const client of [byFile, byFile, byEnvironment, byEnvironment]) await client.getAttachInfo();
    expect(ms.asked.length).toBe(4);
  });

  test("waits for the first rank to join", async () => {
    const ms = await management();
    let tries = 0;
    ms.answer = () => {
      if (++tries < 3) throw new Error("empty group map (all ranks excluded?)");
      return loopbackInfo;
    };
    const client = await agent({ port: ms.port });
    expect((await client.getAttachInfo()).rankUris.length).toBe(2);
    expect(tries).toBe(3);
  });

  test("answers DER_UNREACH when no server is there, and recovers by itself", async () => {
    const port = await deadPort();
    const client = await agent({ port });
    expect((await client.getAttachInfo()).status).toBe(-1006);
    expect((await client.getAttachInfo()).clientNetHint).toBeUndefined();
    await management(undefined, port);
    expect((await client.getAttachInfo()).status).toBe(0);
  });

  test("answers DER_INVAL for another system, and asks nobody", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    expect((await client.getAttachInfo({ sys: "other" })).status).toBe(-1003);
    expect(ms.asked).toEqual([]);
    await logged(client, "other: unknown system name");
  });

  test("needs no system name", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    expect((await client.getAttachInfo({})).status).toBe(0);
  });

  test("fails when the servers fail in a way libdaos has no status for", async () => {
    const ms = await management();
    ms.answer = () => {
      throw new Error("no luck");
    };
    const client = await agent({ port: ms.port });
    const error = await failureOf(client.getAttachInfo());
    expect((error as DrpcStatusError).status).toBe(Status.FAILURE);
    await logged(client, "no luck");
  });

  test("answers DER_CONTROL_INCOMPAT when the servers are of another system", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port, name: "elsewhere" });
    expect((await client.getAttachInfo({ sys: "elsewhere" })).status).toBe(-2038);
    expect(ms.asked).toEqual([]);
  });

  test("takes the interface a client asks for as it is", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    const info = await client.getAttachInfo({ interface: "ib7", domain: "mlx5_7" });
    expect([info.clientNetHint?.interface, info.clientNetHint?.domain]).toEqual(["ib7", "mlx5_7"]);
    await logged(client, "may not function as desired");
    expect((await client.getAttachInfo({ interface: "ib7" })).clientNetHint?.domain).toBe("ib7");
  });

  test("hands out the interfaces of the configuration in turn, excluded ones never", async () => {
    const ms = await management();
    const yaml =
      "fabric_ifaces:\n- numa_node: 0\n  devices:\n" +
      "  - {iface: lo, domain: lo_a}\n  - {iface: nope0, domain: x}\n  - {iface: lo, domain: lo_b}\n";
    const client = await agent({ port: ms.port, yaml });
    const domains: (string | undefined)[] = [];
    for (let n = 0; n < 4; n++) domains.push((await client.getAttachInfo()).clientNetHint?.domain);
    expect(domains).toEqual(["lo_a", "lo_b", "lo_a", "lo_b"]);
    const excluding = await agent({ port: ms.port, yaml: `exclude_fabric_ifaces: ["lo"]\n${yaml}` });
    expect(await failureOf(excluding.getAttachInfo())).toBeInstanceOf(DrpcStatusError);
    await logged(excluding, "no suitable fabric interface found of type");
  });

  test("refuses a body that is no request", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    const error = await failureOf(client.call(2, 206, Uint8Array.of(0xff)));
    expect((error as DrpcStatusError).status).toBe(Status.FAILED_UNMARSHAL_PAYLOAD);
  });

  test("is answered to 300 clients at once", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    const infos = await Promise.all(Array.from({ length: 300 }, () => client.getAttachInfo()));
    expect(infos.every((info) => info.status === 0)).toBe(true);
  });
});

describe("over mutual TLS", () => {
  let certs: CertificateFiles;
  beforeAll(async () => {
    certs = await testCertificates(newFolder());
  });

  test("the agent shows its certificate and gets its answer", async () => {
    const ms = await management(certs);
    const client = await agent({ port: ms.port, certs });
    expect((await client.getAttachInfo()).status).toBe(0);
  });

  test("servers of another CA: DER_BAD_CERT", async () => {
    const ms = await management(await testCertificates(newFolder()));
    const client = await agent({ port: ms.port, certs });
    expect((await client.getAttachInfo()).status).toBe(-2044);
  });

  test("credentials are signed with the agent's key, for whom the kernel says the client is", async () => {
    const client = await agent({ port: await deadPort(), certs });
    const { status, cred } = await client.requestCredentials();
    expect(status).toBe(0);
    expect(cred?.origin).toBe("agent");
    const publicKey = createPublicKey(fs.readFileSync(certs.cert.agent, "utf8"));
    checkVerifier(cred!.token!, cred!.verifier!.data, publicKey);
    const sys = readSysToken(cred!.token!);
    expect(sys.user).toBe(`${(await run(["id", "-un"])).stdout.trim()}@`);
    expect(sys.machinename).toBe(os.hostname().split(".")[0]!);
    const groups = (await run(["id", "-Gn"])).stdout.trim().split(" ");
    expect(sys.group).toBe(`${(await run(["id", "-gn"])).stdout.trim()}@`);
    expect([...sys.groups].sort()).toEqual(groups.map((group) => `${group}@`).sort());
    expect(sys.stamp).toBe(0n);
  });

  test("a certificate that is missing keeps the agent from starting, by name", async () => {
    const folder = newFolder();
    const missing = { ...certs, cert: { ...certs.cert, agent: path.join(folder, "none.crt") } };
    await expect(startAgent({ folder, port: 1, certs: missing })).rejects.toThrow("ended with 1");
  });
});

describe("without certificates", () => {
  test("credentials carry the hash of the token", async () => {
    const client = await agent({ port: await deadPort() });
    const { cred } = await client.requestCredentials();
    checkVerifier(cred!.token!, cred!.verifier!.data, undefined);
  });

  test("a user without a name gets DER_MISC", async () => {
    if (process.getuid!() !== 0) return; // only root can be somebody else
    const client = await agent({ port: await deadPort() });
    const script = path.join(import.meta.dir, "credential-status.ts");
    fs.chmodSync(root, 0o755);
    const child = Bun.spawn([process.execPath, script, client.socketPath, "54321"], {
      stdout: "pipe",
      stderr: "inherit",
    });
    expect((await new Response(child.stdout).text()).trim()).toBe("-1025");
    await logged(client, "no user has the number 54321");
  });
});

describe("pool handles", () => {
  test("that a process leaves open are evicted when it says good-bye", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    await client.poolConnected(POOL, handle(1));
    await client.poolConnected(POOL, handle(2));
    await client.poolConnected(POOL2, handle(3));
    await client.poolDisconnected(POOL, handle(2));
    await client.notifyExit();
    const seen = ms.evicted.map(({ sys, id, handles }) => [sys, id, ...handles]);
    expect(seen).toEqual([
      ["daos_server-2.6.0", POOL, handle(1)],
      ["daos_server-2.6.0", POOL2, handle(3)],
    ]);
    await client.notifyExit();
    expect(ms.evicted.length).toBe(2);
  });

  test("that are closed in order are not", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    await client.poolConnected(POOL, handle(1));
    await client.poolDisconnected(POOL, handle(1));
    await client.notifyExit();
    expect(ms.evicted).toEqual([]);
  });

  test("of a killed process are evicted within seconds", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    const script = path.join(import.meta.dir, "connect-and-hang.ts");
    const child = Bun.spawn([process.execPath, script, path.dirname(client.socketPath), POOL, handle(4)], {
      stdout: "pipe",
      stderr: "inherit",
    });
    await child.stdout.getReader().read();
    expect(ms.evicted).toEqual([]);
    child.kill("SIGKILL");
    await waitFor("the eviction", () => ms.evicted.length === 1, 5000);
    expect([ms.evicted[0]?.id, ms.evicted[0]?.handles]).toEqual([POOL, [handle(4)]]);
    await logged(client, "terminated unexpectedly");
  });

  test("are flushed by SIGUSR1, and the agent goes on", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    await client.poolConnected(POOL, handle(1));
    client.signal("SIGUSR1");
    await waitFor("the eviction", () => ms.evicted.length === 1);
    expect((await client.getAttachInfo()).status).toBe(0);
  });

  test("are flushed when the agent stops", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port });
    await client.poolConnected(POOL, handle(1));
    client.signal("SIGTERM");
    expect(await client.exited).toBe(0);
    expect(ms.evicted.length).toBe(1);
    await logged(client, "flushing all open local pool handles on shutdown");
    expect(fs.existsSync(client.socketPath)).toBe(false);
  });

  test("stay when the configuration says so", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port, yaml: "disable_auto_evict: true\n" });
    await client.poolConnected(POOL, handle(1));
    client.signal("SIGINT");
    expect(await client.exited).toBe(0);
    expect(ms.evicted).toEqual([]);
  });

  test("of this machine are revoked at start when the configuration says so", async () => {
    const ms = await management();
    const client = await agent({ port: ms.port, yaml: "enable_evict_on_start: true\n" });
    expect(ms.cleaned).toEqual([os.hostname().split(".")[0]!]);
    await logged(client, "Pool handles revoked: tank (3)");
  });

  test("that cannot be evicted are told in the log, and do not hold the stop up", async () => {
    const client = await agent({ port: await deadPort() });
    await client.poolConnected(POOL, handle(1));
    client.signal("SIGTERM");
    expect(await client.exited).toBe(0);
    await logged(client, "failed to evict 1 handles");
  });
});

describe("the agent's socket", () => {
  let client: RunningAgent;
  beforeAll(async () => {
    client = await startAgent({ folder: newFolder(), port: await deadPort() });
  });
  afterAll(() => client.signal("SIGKILL"));

  test("is open to every user", async () => {
    expect(fs.statSync(client.socketPath).mode & 0o777).toBe(0o666);
  });

  test("refuses telemetry as 2.6 does when it collects none", async () => {
    const answer = await client.setupTelemetry("job", 7);
    expect([answer.status, answer.agentUid]).toEqual([-1015, process.getuid!()]);
    for (const bad of [client.setupTelemetry("", 7), client.setupTelemetry("job", 0), client.call(2, 247)]) {
      expect(((await failureOf(bad)) as DrpcStatusError).status).toBe(Status.FAILURE);
    }
  });

  test("knows no other methods", async () => {
    for (const [module, method, status] of [
      [2, 202, Status.UNKNOWN_METHOD],
      [1, 102, Status.UNKNOWN_METHOD],
      [3, 301, Status.UNKNOWN_MODULE],
    ] as const) {
      const error = await failureOf(callDrpc(client.socketPath, module, method, new Uint8Array(0)));
      expect((error as DrpcStatusError).status).toBe(status);
    }
  });

  test("is not taken from an agent that runs", async () => {
    const second = await run(
      daosctl(
        "agent",
        "start",
        "-i",
        "-s",
        path.dirname(client.socketPath),
        "-l",
        path.join(newFolder(), "log"),
      ),
    );
    expect(second.status).toBe(1);
    expect(second.stderr).toContain("code = 6");
    expect((await client.requestCredentials()).status).toBe(0);
  });
});

describe("daos_agent", () => {
  test("version says which", async () => {
    expect((await run(daosctl("agent", "version"))).stdout).toStartWith("DAOS Agent version 2.6.0");
  });

  test("net-scan shows this node's interfaces, loopback never", async () => {
    const text = await run(daosctl("agent", "net-scan"));
    expect(text.status).toBe(0);
    const json = JSON.parse((await run(daosctl("agent", "net-scan", "-j"))).stdout);
    const fabrics = Object.values(json.response ?? {}) as {
      HostFabric: { Interfaces: { Device: string }[] | null };
    }[];
    const devices = fabrics.flatMap(({ HostFabric }) =>
      (HostFabric.Interfaces ?? []).map((found) => found.Device),
    );
    for (const device of devices) expect(text.stdout).toContain(device);
    expect(devices).not.toContain("lo");
  });

  test("dump-attachinfo writes the file of CaRT, or a document", async () => {
    const ms = await management();
    const config = path.join(newFolder(), "daos_agent.yml");
    fs.writeFileSync(
      config,
      `access_points: ["127.0.0.1:${ms.port}"]\nport: ${ms.port}\ntransport_config: {allow_insecure: true}\n`,
    );
    const text = await run(daosctl("agent", "--config-path", config, "dump-attachinfo"));
    expect(text.stdout).toBe(
      "name daos_server\nsize 2\nall\n0 ofi+tcp://127.0.0.1:31416\n1 ofi+tcp://127.0.0.1:31516\n",
    );
    const json = JSON.parse(
      (await run(daosctl("agent", "--config-path", config, "-j", "dump-attachinfo"))).stdout,
    );
    expect(json.response.rank_uris[1]).toEqual({
      rank: 1,
      uri: "ofi+tcp://127.0.0.1:31516",
      provider_idx: 0,
      num_ctxs: 3,
    });
    expect(json.response.client_net_hint.provider).toBe("ofi+tcp");
    expect(json.status).toBe(0);
    const file = path.join(newFolder(), "daos_server.attach_info_tmp");
    await run(daosctl("agent", "--config-path", config, "dump-attachinfo", "-o", file));
    expect(fs.readFileSync(file, "utf8")).toBe(text.stdout);
  });
});
