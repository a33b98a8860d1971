/**
 * One server of the rpc benchmark, as a process of its own: `bare` answers a fixed gRPC message on node:http2 and does
 * nothing else; `full` is serveRpc with its whole chain. Prints its port; at each line on stdin, its CPU time in µs.
 */
import http2, { type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeFrame } from "../src/client/grpc.ts";
import { MgmtSvc } from "../src/gen/mgmt/mgmt_pb.ts";
import { LeaderQueryRespSchema } from "../src/gen/mgmt/svc_pb.ts";
import { silentLogger } from "../src/log/logger.ts";
import { insecureTransport } from "../src/security/tls.ts";
import { rpcService, serveRpc } from "../src/services/serve.ts";

const answer = { currentLeader: "10.0.0.1:10001", replicas: ["10.0.0.1:10001", "10.0.0.2:10001"] };

async function bare(): Promise<number> {
  const frame = encodeFrame(toBinary(LeaderQueryRespSchema, create(LeaderQueryRespSchema, answer)));
  const server = http2.createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("data", () => {});
    stream.on("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(frame);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as AddressInfo).port;
}

async function full(): Promise<number> {
  const server = await serveRpc({
    services: [rpcService(MgmtSvc, { leaderQuery: { roles: ["admin"], handle: () => answer } })],
    transport: insecureTransport,
    listen: [{ host: "127.0.0.1", port: 0 }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  return server.port;
}

console.log(await (process.argv[2] === "full" ? full() : bare()));
for await (const _line of console) {
  const { user, system } = process.cpuUsage();
  console.log(user + system);
}
