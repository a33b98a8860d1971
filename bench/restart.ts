/**
 * Restart of a formatted server with one emulated engine, mutual TLS: from exec to the port listening, to
 * the management service having its leader, to the rank joined again. The baseline of the ratios is the
 * start of `daosctl --version` in the same run; the milliseconds are in the note.
 */
import net from "node:net";
import path from "node:path";
import { callUnary, closeConnections } from "../src/client/transport.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { loadTransportSecurity } from "../src/security/tls.ts";
import { daosctl, run as runToEnd } from "../test/support/daosctl.ts";
import { bringUp, createSite } from "../test/support/site.ts";
import { type BenchRow, ratioRow } from "./report.ts";

const ROUNDS = 10;
const POLL_MS = 4;
const GIVE_UP_MS = 30_000;

/** Milliseconds from `startedMs` until `probe` holds. */
async function timeUntil(startedMs: number, probe: () => Promise<boolean>): Promise<number> {
  for (;;) {
    if (await probe().catch(() => false)) return performance.now() - startedMs;
    if (performance.now() - startedMs > GIVE_UP_MS) throw new Error("the server did not come up again");
    await Bun.sleep(POLL_MS);
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export async function run(): Promise<BenchRow[]> {
  process.env["DAOSCTL"] ??= path.resolve(import.meta.dirname, "..", "dist", "daosctl");
  const site = await createSite();
  try {
    await bringUp(site);
    const certs = path.join(site.folder, "daosCA", "certs");
    const files = {
      allowInsecure: false,
      caCert: `${certs}/daosCA.crt`,
      cert: `${certs}/admin.crt`,
      key: `${certs}/admin.key`,
    };
    const security = await loadTransportSecurity(files, "admin");
    const [server] = site.servers;
    const address = `127.0.0.1:${server!.port}`;
    const options = { security, component: "admin", timeoutMs: 1000 } as const;
    const sys = "daos_server-2.6.0";
    const member = async () =>
      (await callUnary(MgmtSvc.method.systemQuery, address, { sys, stateMask: 0xffff }, options)).members[0];

    const times = {
      base: [] as number[],
      listening: [] as number[],
      leader: [] as number[],
      joined: [] as number[],
    };
    for (let round = 0; round < ROUNDS; round++) {
      const before = (await member())!.incarnation;
      await server!.signal("SIGTERM");
      closeConnections();
      const baseStartedMs = performance.now();
      await runToEnd(daosctl("--version"));
      times.base.push(performance.now() - baseStartedMs);

      const startedMs = performance.now();
      server!.start();
      times.listening.push(await timeUntil(startedMs, () => connects(server!.port)));
      times.leader.push(
        await timeUntil(startedMs, async () => {
          const answer = await callUnary(MgmtSvc.method.leaderQuery, address, { sys }, options);
          return answer.currentLeader !== "";
        }),
      );
      times.joined.push(
        await timeUntil(startedMs, async () => {
          const now = await member();
          return now !== undefined && now.state.toLowerCase() === "joined" && now.incarnation !== before;
        }),
      );
    }
    closeConnections();
    return [
      ratioRow("restart: exec to listening / daosctl --version (2.6.0: 85 ms)", times.listening, times.base),
      ratioRow("restart: exec to leader / daosctl --version (2.6.0: 3200 ms)", times.leader, times.base),
      ratioRow("restart: exec to rank joined / daosctl --version (2.6.0: 3900 ms)", times.joined, times.base),
    ];
  } finally {
    await site.close();
  }
}
