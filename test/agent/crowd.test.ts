import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeCall } from "../../src/drpc/frames.ts";
import { DrpcModule, MgmtMethod, SecAgentMethod } from "../../src/drpc/methods.ts";
import { GetAttachInfoReqSchema } from "../../src/gen/mgmt/svc_pb.ts";
import {
  type ManagementPeer,
  type RunningAgent,
  startAgent,
  startManagement,
  testCertificates,
} from "./bench.ts";

const PROCESSES = 1024;
const root = fs.mkdtempSync(path.join(os.tmpdir(), "crowd-"));
const compiler = Bun.which("gcc") ?? Bun.which("cc");
let management: ManagementPeer;
let agent: RunningAgent;

const attach = encodeCall(
  DrpcModule.MGMT,
  MgmtMethod.GET_ATTACH_INFO,
  1n,
  toBinary(GetAttachInfoReqSchema, create(GetAttachInfoReqSchema, { sys: "daos_server", allRanks: true })),
);
const credentials = encodeCall(DrpcModule.SEC_AGENT, SecAgentMethod.REQUEST_CREDS, 1n, new Uint8Array(0));

beforeAll(async () => {
  fs.mkdirSync(path.join(root, "certs"));
  const certs = await testCertificates(path.join(root, "certs"));
  management = await startManagement(certs);
  agent = await startAgent({ folder: root, port: management.port, certs });
});
afterAll(async () => {
  agent.signal("SIGKILL");
  await agent.exited;
  await management.close();
  fs.rmSync(root, { recursive: true, force: true });
});

/** A process that sends as fast as it is let, once it is answered. */
async function startFlood(connections: number): Promise<{ stop(): Promise<void> }> {
  const script = path.join(import.meta.dir, "flood.ts");
  const child = Bun.spawn([process.execPath, script, agent.socketPath, String(connections)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const { done } = await child.stdout.getReader().read();
  if (done) throw new Error("the flood was not answered");
  return {
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

describe("a crowd of client processes", () => {
  test.skipIf(compiler === null)(
    `${PROCESSES} that start at once all attach and get credentials`,
    async () => {
      const program = path.join(root, "crowd");
      const source = path.join(import.meta.dir, "crowd-client.c");
      expect(await Bun.spawn([compiler!, "-O1", "-o", program, source]).exited).toBe(0);
      const packets = { attach: path.join(root, "attach.bin"), creds: path.join(root, "creds.bin") };
      fs.writeFileSync(packets.attach, attach);
      fs.writeFileSync(packets.creds, credentials);
      const argv = [program, agent.socketPath, String(PROCESSES), packets.attach, packets.creds];
      const crowd = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe" });
      const [out, err] = await Promise.all([
        new Response(crowd.stdout).text(),
        new Response(crowd.stderr).text(),
      ]);
      expect([err, out]).toEqual(["", `0 of ${PROCESSES} failed\n`]);
      // All of them were told what was fetched once, or twice at most.
      expect(management.asked.length).toBeLessThanOrEqual(2);
    },
    30_000,
  );

  test("1,024 connections at once are all answered", async () => {
    const answers = await Promise.all(Array.from({ length: 1024 }, () => agent.getAttachInfo()));
    expect(answers.filter((answer) => answer.status !== 0)).toEqual([]);
  });
});

test("a flood from one process is served, and leaves the others their turn", async () => {
  const flood = await startFlood(64);
  try {
    const latenciesMs: number[] = [];
    for (let n = 0; n < 50; n++) {
      const start = performance.now();
      expect((await agent.getAttachInfo()).status).toBe(0);
      latenciesMs.push(performance.now() - start);
    }
    latenciesMs.sort((a, b) => a - b);
    expect(latenciesMs[25]!).toBeLessThan(100);
    expect((await agent.requestCredentials()).status).toBe(0);
  } finally {
    await flood.stop();
  }
});
