/**
 * A process that speaks just enough of the engine seam for tests of the engine room: it takes daos_engine's
 * arguments, says NotifyReady, and answers status 0 to every call. PEER_… variables (env_vars of the engine's
 * configuration) make it misbehave.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { callDrpc } from "../../src/drpc/client.ts";
import { DrpcModule, MgmtMethod, SrvMethod } from "../../src/drpc/methods.ts";
import { listenDrpc } from "../../src/drpc/server.ts";
import type { DrpcHandler } from "../../src/drpc/types.ts";
import { DaosRespSchema } from "../../src/gen/mgmt/svc_pb.ts";
import { NotifyReadyReqSchema } from "../../src/gen/srv/srv_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";

const argv = process.argv.slice(2);
const flag = (name: string) => argv[argv.indexOf(name) + 1] ?? "";
const {
  PEER_EXIT,
  PEER_IGNORE,
  PEER_SETUP_STATUS,
  PEER_CALLS,
  PEER_SILENT,
  PEER_RANK_EXIT,
  PEER_CREATE_EXIT,
} = process.env;

console.log(`peer argv ${JSON.stringify(argv)}`);
console.log(`peer env ${JSON.stringify(process.env)}`);
console.error("peer complains");
if (PEER_EXIT !== undefined) process.exit(Number(PEER_EXIT));
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    if (PEER_IGNORE === undefined) process.exit(0);
  });
}

const socket = join(flag("-d"), `daos_engine_${process.pid}.sock`);
const answer =
  (method: number): DrpcHandler =>
  (body) => {
    if (PEER_CALLS !== undefined)
      appendFileSync(PEER_CALLS, `${method} ${Buffer.from(body).toString("hex")}\n`);
    // Carries a pool creation out, then dies before it answers.
    if (PEER_CREATE_EXIT !== undefined && method === MgmtMethod.POOL_CREATE) process.exit(8);
    if (PEER_RANK_EXIT !== undefined && method === MgmtMethod.SET_RANK) process.exit(7);
    const status = method === MgmtMethod.SET_UP ? Number(PEER_SETUP_STATUS ?? 0) : 0;
    return toBinary(DaosRespSchema, create(DaosRespSchema, { status }));
  };
const methods = Object.fromEntries(Object.values(MgmtMethod).map((method) => [method, answer(method)]));
await listenDrpc({ path: socket, mode: 0o600, modules: { [DrpcModule.MGMT]: methods }, log: silentLogger });

const index = Number(flag("-I"));
if (PEER_SILENT === undefined) {
  const request = create(NotifyReadyReqSchema, {
    uri: `${process.env["D_PROVIDER"]}://127.0.0.1:${process.env["D_PORT"]}`,
    nctxs: 2,
    drpcListenerSock: socket,
    instanceIdx: index,
    ntgts: Number(flag("-t")),
    incarnation: BigInt(process.pid),
    checkMode: argv.includes("-C"),
  });
  await callDrpc(
    join(flag("-d"), "daos_server.sock"),
    DrpcModule.SRV,
    SrvMethod.NOTIFY_READY,
    toBinary(NotifyReadyReqSchema, request),
  );
}
console.log(`DAOS I/O Engine (peer) process ${process.pid} started on rank ${index}`);
