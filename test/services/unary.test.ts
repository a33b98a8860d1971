import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { Fault } from "../../src/faults/fault.ts";
import { RpcCode, RpcError } from "../../src/faults/rpc.ts";
import {
  DaosStatusError,
  NotLeaderError,
  NotReplicaError,
  PoolNotFoundError,
  UninitializedError,
} from "../../src/faults/system.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { insecureTransport } from "../../src/security/tls.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";

const throwable = new Map<string, Error>([
  ["fault", new Fault("server", 603, "wrong system", "use another", "because")],
  ["leader", new NotLeaderError("10.0.0.1:10001", ["10.0.0.1:10001", "10.0.0.2:10001"])],
  ["replica", new NotReplicaError(["10.0.0.1:10001"])],
  ["uninitialized", new UninitializedError()],
  ["pool", new PoolNotFoundError('label "tank"')],
  ["daos", new DaosStatusError(-1007, "DER_NOSPACE(-1007): No space on storage target")],
  ["plain", new Error('somethïng 100% odd\n"quoted"')],
]);

let server: RpcServer;
let hostPort: string;
beforeAll(async () => {
  server = await serveRpc({
    services: [
      rpcService(MgmtSvc, {
        leaderQuery: {
          roles: ["admin"],
          handle: (request) => ({ currentLeader: `${request.sys}!`, replicas: ["a", "b"] }),
        },
        systemQuery: {
          roles: ["admin"],
          handle: (request) => {
            throw throwable.get(request.hosts) ?? new Error("?");
          },
        },
        systemErase: { roles: ["admin"], handle: () => new Promise(() => {}) },
        poolEvict: { roles: ["admin"], handle: () => ({ status: -1012 }) },
      }),
    ],
    transport: insecureTransport,
    listen: [{ host: "127.0.0.1", port: 0 }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  hostPort = `127.0.0.1:${server.port}`;
});
afterAll(async () => {
  closeConnections();
  await server.close(100);
});

const options = { security: insecureTransport, timeoutMs: 5000, component: "admin" } as const;
const sys = "daos_server-2.6.0";

describe("a unary call between our own client and server", () => {
  test("answers with the handler's message", async () => {
    const answer = await callUnary(MgmtSvc.method.leaderQuery, hostPort, { sys }, options);
    expect(answer.currentLeader).toBe("daos_server-2.6.0!");
    expect(answer.replicas).toEqual(["a", "b"]);
  });

  for (const [name, error] of throwable) {
    test(`an error of kind ${name} arrives as it was thrown`, async () => {
      const caught = await callUnary(
        MgmtSvc.method.systemQuery,
        hostPort,
        { sys, hosts: name },
        options,
      ).catch((e) => e);
      if (name === "plain") {
        expect(caught).toBeInstanceOf(RpcError);
        expect(caught.code).toBe(RpcCode.Unknown);
        expect(caught.description).toBe(error.message);
      } else {
        expect(caught).toEqual(error);
        expect(caught.constructor).toBe(error.constructor);
      }
    });
  }

  test("a DAOS status in the answer becomes an error", async () => {
    const caught = await callUnary(MgmtSvc.method.poolEvict, hostPort, { sys }, options).catch((e) => e);
    expect(caught).toEqual(new DaosStatusError(-1012, "DER_BUSY(-1012): Device or resource busy"));
  });

  test("a method without a handler is unimplemented", async () => {
    const caught = await callUnary(MgmtSvc.method.poolQuery, hostPort, { sys }, options).catch((e) => e);
    expect(caught).toEqual(
      new RpcError(RpcCode.Unimplemented, "unknown method PoolQuery for service mgmt.MgmtSvc"),
    );
  });

  test("another system is refused with fault 603", async () => {
    const caught = await callUnary(MgmtSvc.method.leaderQuery, hostPort, { sys: "other" }, options).catch(
      (e) => e,
    );
    expect(caught.code).toBe(603);
  });

  test("a call that outlasts its deadline is fault 510", async () => {
    const short = { ...options, timeoutMs: 50 };
    const caught = await callUnary(MgmtSvc.method.systemErase, hostPort, { sys }, short).catch((e) => e);
    expect(caught.code).toBe(510);
  });

  test("an aborted call fails with the signal's reason", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const caught = await callUnary(
      MgmtSvc.method.systemErase,
      hostPort,
      { sys },
      { ...options, signal },
    ).catch((e) => e);
    expect(caught.message).toBe("enough");
  });

  test("nobody listening is fault 506", async () => {
    const caught = await callUnary(MgmtSvc.method.leaderQuery, "127.0.0.1:1", { sys }, options).catch(
      (e) => e,
    );
    expect(caught.code).toBe(506);
  });
});
