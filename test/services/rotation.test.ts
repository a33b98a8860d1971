import { expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { FaultCode } from "../../src/faults/codes.ts";
import { Fault } from "../../src/faults/fault.ts";
import { writeFileDurable } from "../../src/files/durable.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import {
  type CertificateFiles,
  certificateFiles,
  makeCertificates,
} from "../../src/security/certificates.ts";
import { followCertificates } from "../../src/security/live.ts";
import { loadCertificates } from "../../src/security/load.ts";
import type { Component } from "../../src/security/roles.ts";
import {
  beginRotation,
  finishRotation,
  issueRotation,
  renewCertificates,
} from "../../src/security/rotate.ts";
import { tempFolder } from "../support/temp.ts";
import { failureOf } from "../support/wait.ts";
import { recordingLog, serve } from "./harness.ts";

/** A node's own copy of a set; `sync` copies it over as an administrator would, file by file. */
async function node(set: CertificateFiles, folder: string, role: Component) {
  await cp(set.home, join(folder, "daosCA"), { recursive: true });
  const own = certificateFiles(folder);
  const files = { allowInsecure: false, caCert: own.caCert, cert: own.cert[role], key: own.key[role] };
  const live = followCertificates(await loadCertificates(files, role), {
    files,
    role,
    log: silentLogger,
    everyMs: 1_000_000,
  });
  return {
    live,
    async sync() {
      for (const [from, to, mode] of [
        [set.caCert, own.caCert, 0o644],
        [set.key[role], own.key[role], 0o400],
        [set.cert[role], own.cert[role], 0o644],
      ] as const) {
        await writeFileDurable(to, await Bun.file(from).text(), mode);
      }
      await live.refresh();
    },
  };
}

test("a CA is rotated and keys are renewed under load, and no call fails", async () => {
  await using temp = await tempFolder();
  const set = await makeCertificates(join(temp.path, "admin"));
  const server = await node(set, join(temp.path, "server"), "server");
  const client = await node(set, join(temp.path, "client"), "admin");
  const laggard = await node(set, join(temp.path, "laggard"), "admin");
  const log = recordingLog();
  const rpc = await serve(
    { leaderQuery: { roles: ["admin"], handle: () => ({ currentLeader: "here" }) } },
    { transport: server.live.transport, log },
  );
  const call = (who = client) =>
    callUnary(
      MgmtSvc.method.leaderQuery,
      `127.0.0.1:${rpc.port}`,
      { sys: "daos_server" },
      { security: who.live.transport, timeoutMs: 10_000, component: "admin" },
    );

  let running = true;
  let calls = 0;
  const failures: string[] = [];
  const load = Array.from({ length: 8 }, async () => {
    while (running) {
      await call().then(
        () => calls++,
        (error: unknown) => failures.push(String(error)),
      );
    }
  });
  /** Not before calls were made with what is in place now. */
  const settle = async () => {
    const until = calls + 100;
    while (calls < until && failures.length === 0) await Bun.sleep(1);
  };

  await call(laggard);
  await settle();
  await beginRotation(set);
  for (const peer of [server, client]) {
    await peer.sync();
    await settle();
  }
  await issueRotation(set);
  for (const peer of [client, server]) {
    await peer.sync();
    await settle();
  }
  await finishRotation(set);
  for (const peer of [server, client]) {
    await peer.sync();
    await settle();
  }
  await renewCertificates(set, ["server", "admin"], { newKey: true });
  for (const peer of [client, server]) {
    await peer.sync();
    await settle();
  }
  running = false;
  await Promise.all(load);
  expect(failures).toEqual([]);
  expect(calls).toBeGreaterThan(800);

  // Who missed it all is known to nobody: also on the connection it had.
  const error = (await failureOf(call(laggard))) as Fault;
  expect(error).toBeInstanceOf(Fault);
  expect(error.code).toBe(FaultCode.SecurityInvalidCert);
  expect(log.lines.some((line) => line.includes("is served no more"))).toBe(true);
  for (const peer of [server, client, laggard]) peer.live.stop();
  closeConnections();
  await rpc.close(0);
}, 30_000);
