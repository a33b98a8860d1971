/**
 * The server of the soak, as a process of its own. Reads a CertificateTransport as JSON from stdin, prints its port,
 * then prints every error its log gets; at each further line on stdin, one JSON line of figures.
 */
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import type { CertificateTransport } from "../../src/security/tls.ts";
import { rpcService, serveRpc } from "../../src/services/serve.ts";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const transport = JSON.parse((await lines.next()).value ?? "") as CertificateTransport;
let calls = 0;
const server = await serveRpc({
  services: [
    rpcService(MgmtSvc, {
      leaderQuery: {
        roles: ["admin"],
        handle: (request) => {
          calls++;
          return { currentLeader: request.hosts, replicas: ["10.0.0.1:10001"] };
        },
      },
    }),
  ],
  transport,
  listen: [{ host: "127.0.0.1", port: 0 }],
  systemName: "daos_server",
  log: { debug() {}, info() {}, notice() {}, error: (message) => console.log(`error ${message}`) },
  component: "server",
});
console.log(`port ${server.port}`);
for (;;) {
  const { done } = await lines.next();
  if (done) break;
  const { user, system } = process.cpuUsage();
  const figures = {
    calls,
    connections: server.stats.connections,
    files: readdirSync("/proc/self/fd").length,
    rssMiB: Math.round(process.memoryUsage.rss() / (1 << 20)),
    cpuMs: Math.round((user + system) / 1000),
  };
  console.log(`figures ${JSON.stringify(figures)}`);
}
await server.close(1000);
process.exit(0);
