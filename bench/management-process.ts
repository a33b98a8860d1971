/**
 * A leader of the management service as a process of its own: `management-process.ts <folder> [engine socket]
 * [certificates]`. Its store, its gRPC server and its chain of checks are those of a daos_server; the engine
 * is whoever listens on the socket, else one that takes group maps and does nothing. Prints its port; for
 * each line on stdin its counters.
 */
import path from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { createDrpcClient } from "../src/drpc/client.ts";
import { DrpcModule, MgmtMethod } from "../src/drpc/methods.ts";
import type { EngineHarness } from "../src/engine/types.ts";
import { CtlSvc } from "../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { GroupUpdateReqSchema } from "../src/gen/mgmt/svc_pb.ts";
import { silentLogger } from "../src/log/logger.ts";
import { loadTransportSecurity, type TransportSecurity } from "../src/security/tls.ts";
import { createManagement, createPeers } from "../src/services/management/index.ts";
import { rpcService, serveRpc } from "../src/services/serve.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import type { Counters } from "./management.ts";

const [folder = "", engineSocket = "", certificates = ""] = process.argv.slice(2);

const security: TransportSecurity =
  certificates === ""
    ? { insecure: true }
    : await loadTransportSecurity(
        {
          allowInsecure: false,
          caCert: path.join(certificates, "daosCA.crt"),
          cert: path.join(certificates, "server.crt"),
          key: path.join(certificates, "server.key"),
          clientCertDir: path.join(certificates, "clients"),
        },
        "server",
      );

const counters = { commits: 0, groupMaps: 0, groupMapBytes: 0, ranksTold: 0 };
const engine = engineSocket === "" ? undefined : createDrpcClient(engineSocket);
const harness: EngineHarness = {
  instances: [],
  isStarted: () => true,
  async callDrpc(method, body, options) {
    if (method === MgmtMethod.GROUP_UPDATE) {
      counters.groupMaps++;
      counters.groupMapBytes += body.length;
      counters.ranksTold = fromBinary(GroupUpdateReqSchema, body).engines.length;
      return new Uint8Array();
    }
    return engine === undefined
      ? new Uint8Array()
      : await engine.call(DrpcModule.MGMT, method, body, options);
  },
};

const replicas: string[] = [];
const deps = {
  systemName: "daos_server",
  version: "2.6.0",
  replicas,
  selfAddr: "",
  hostname: "bench",
  harness,
  log: silentLogger,
  async openStore(dir: string) {
    const store = await openSqliteStore({ dir, addr: deps.selfAddr });
    const { commit } = store;
    return {
      ...store,
      commit(ops: Parameters<typeof commit>[0]) {
        counters.commits++;
        return commit(ops);
      },
    };
  },
  peers: createPeers({ security, component: "server", sys: "daos_server-2.6.0" }),
  clientNetHints: [{ provider: "ofi+tcp" }],
  engine: { targetCount: 1, hasNvme: true, hasMetaRole: false },
  now: () => new Date(),
};
const management = createManagement(deps);
const server = await serveRpc({
  services: [rpcService(MgmtSvc, management.service), rpcService(CtlSvc, {})],
  transport: security,
  listen: [{ host: "127.0.0.1", port: 0 }],
  systemName: "daos_server",
  log: silentLogger,
  component: "server",
});
deps.selfAddr = `127.0.0.1:${server.port}`;
replicas.push(deps.selfAddr);
await management.start({ dir: path.join(folder, "db") });

console.log(server.port);
for await (const _line of console) {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ ...counters, cpuMs: (user + system) / 1000 } satisfies Counters));
}
// Whoever started it is gone.
process.exit(0);
