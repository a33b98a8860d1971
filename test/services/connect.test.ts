import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { Fault } from "../../src/faults/fault.ts";
import { RpcCode, RpcError } from "../../src/faults/rpc.ts";
import { decodeErrorInfo } from "../../src/faults/status-proto.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import type { CertificateTransport } from "../../src/security/tls.ts";
import { insecureTransport } from "../../src/security/tls.ts";
import type { ServiceImpl } from "../../src/services/method.ts";
import type { RpcServer } from "../../src/services/serve.ts";
import { testAuthority } from "../security/authority.ts";
import { serve } from "./harness.ts";

const big = "x".repeat(3 << 20);
const impl: ServiceImpl<typeof MgmtSvc> = {
  leaderQuery: {
    roles: ["admin"],
    handle: (request, context) => {
      if (request.hosts === "fault") throw new Fault("server", 600, "ünusual", "mend it");
      return { currentLeader: request.hosts === "big" ? big : context.caller };
    },
  },
  systemErase: { roles: ["admin"], handle: () => new Promise(() => {}) },
};

let plain: RpcServer;
let secure: RpcServer;
let admin: CertificateTransport;
const managers: Http2SessionManager[] = [];
beforeAll(async () => {
  const ca = await testAuthority();
  admin = await ca.transport("admin");
  plain = await serve(impl);
  secure = await serve(impl, { transport: await ca.transport("server") });
});
afterAll(async () => {
  for (const manager of managers) manager.abort();
  closeConnections();
  await Promise.all([plain.close(100), secure.close(100)]);
});

const headers = { "x-daos-component": "admin", "x-daos-version": "2.6.0" };
const makers = {
  gRPC: createGrpcTransport,
  "gRPC-web": createGrpcWebTransport,
  Connect: createConnectTransport,
};

/** A client of connect-node's own. */
function client(protocol: keyof typeof makers, tls: boolean) {
  const baseUrl = tls ? `https://127.0.0.1:${secure.port}` : `http://127.0.0.1:${plain.port}`;
  const { ca, cert, key } = admin;
  const nodeOptions = tls ? { ca, cert, key, checkServerIdentity: () => undefined } : {};
  const sessionManager = new Http2SessionManager(baseUrl, {}, nodeOptions);
  managers.push(sessionManager);
  const options = { baseUrl, httpVersion: "2" as const, sessionManager };
  return createClient(MgmtSvc, makers[protocol](options));
}

describe("connect-node's client against our server", () => {
  for (const protocol of ["gRPC", "gRPC-web", "Connect"] as const) {
    for (const tls of [false, true]) {
      const over = `${protocol} over ${tls ? "mutual TLS" : "plain HTTP/2"}`;

      test(`${over}: a call, large and small`, async () => {
        const c = client(protocol, tls);
        expect((await c.leaderQuery({ sys: "daos_server" }, { headers })).currentLeader).toBe("admin");
        const answer = await c.leaderQuery({ sys: "daos_server", hosts: "big" }, { headers });
        expect(answer.currentLeader.length).toBe(big.length);
      });

      test(`${over}: a fault with all its parts`, async () => {
        const call = client(protocol, tls).leaderQuery({ sys: "daos_server", hosts: "fault" }, { headers });
        const error = ConnectError.from(await call.catch((e: unknown) => e));
        expect(error.code).toBe(Code.Internal);
        expect(error.rawMessage).toBe('server: code = 600 description = "ünusual"');
        const detail = error.details[0] as { type: string; value: Uint8Array };
        expect(detail.type).toBe("google.rpc.ErrorInfo");
        expect(decodeErrorInfo(detail.value)).toMatchObject({
          reason: "proto.fault.Fault",
          metadata: { Code: "600", Description: "ünusual", Resolution: "mend it" },
        });
      });

      test(`${over}: an unknown method, and a deadline`, async () => {
        const c = client(protocol, tls);
        const unknown = await c.poolQuery({}, { headers }).catch((e: unknown) => e);
        expect(ConnectError.from(unknown).code).toBe(Code.Unimplemented);
        const late = await c
          .systemErase({ sys: "daos_server" }, { headers, timeoutMs: 60 })
          .catch((e: unknown) => e);
        expect(ConnectError.from(late).code).toBe(Code.DeadlineExceeded);
      });
    }
  }

  test("the Connect protocol goes through the same checks", async () => {
    const c = client("Connect", true);
    const wrong = await c
      .leaderQuery({ sys: "daos_server" }, { headers: { ...headers, "x-daos-component": "agent" } })
      .catch((e: unknown) => e);
    expect(ConnectError.from(wrong).code).toBe(Code.PermissionDenied);
    const other = await c.leaderQuery({ sys: "other" }, { headers }).catch((e: unknown) => e);
    expect(ConnectError.from(other).rawMessage).toContain("code = 603");
  });
});

describe("our client against connect-node's server", () => {
  test("answers, errors and unknown methods", async () => {
    const server = http2.createServer(
      connectNodeAdapter({
        routes: (router) => {
          router.service(MgmtSvc, {
            leaderQuery: (request, context) => {
              if (request.hosts === "fail") throw new ConnectError("no: 100% ü", Code.NotFound);
              return { currentLeader: context.requestHeader.get("x-daos-component") ?? "", replicas: ["a"] };
            },
          });
        },
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { security: insecureTransport, timeoutMs: 5000, component: "admin" } as const;

    const answer = await callUnary(MgmtSvc.method.leaderQuery, at, {}, options);
    expect(answer).toMatchObject({ currentLeader: "admin", replicas: ["a"] });
    const failed = await callUnary(MgmtSvc.method.leaderQuery, at, { hosts: "fail" }, options).catch(
      (e) => e,
    );
    expect(failed).toEqual(new RpcError(RpcCode.NotFound, "no: 100% ü"));
    const unknown = await callUnary(MgmtSvc.method.poolQuery, at, {}, options).catch((e) => e);
    expect((unknown as RpcError).code).toBe(RpcCode.Unimplemented);
    closeConnections();
    server.close();
  });
});
