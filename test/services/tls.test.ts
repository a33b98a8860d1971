import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import http2 from "node:http2";
import tls, { type TLSSocket } from "node:tls";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { FaultCode } from "../../src/faults/codes.ts";
import { Fault } from "../../src/faults/fault.ts";
import { RpcCode, RpcError } from "../../src/faults/rpc.ts";
import { CtlSvc } from "../../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import type { Component } from "../../src/security/roles.ts";
import {
  type CertificateTransport,
  insecureTransport,
  type TransportSecurity,
} from "../../src/security/tls.ts";
import type { CallContext } from "../../src/services/method.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";
import { early, ended, testAuthority } from "../security/authority.ts";
import { waitFor } from "../support/wait.ts";
import { openSession, rawCall, recordingLog } from "./harness.ts";

let ca: Awaited<ReturnType<typeof testAuthority>>;
let rogue: Awaited<ReturnType<typeof testAuthority>>;
let good: Record<Component, CertificateTransport>;
let server: RpcServer;
let plain: RpcServer;
const log = recordingLog();
/** Calls that reached a handler. */
let handled: string[] = [];

function note(_request: unknown, context: CallContext): Record<string, never> {
  handled.push(context.caller);
  return {};
}

function start(transport: TransportSecurity): Promise<RpcServer> {
  return serveRpc({
    services: [
      rpcService(MgmtSvc, {
        leaderQuery: {
          roles: ["admin"],
          handle: (_request, context) => {
            handled.push(context.caller);
            return { currentLeader: context.caller };
          },
        },
        poolEvict: { roles: ["admin", "agent"], handle: note },
        getAttachInfo: { roles: ["agent"], handle: note },
        join: { roles: ["server"], handle: note },
      }),
      rpcService(CtlSvc, {
        storageFormat: { roles: ["admin"], handle: note },
      }),
    ],
    transport,
    listen: [{ host: "127.0.0.1", port: 0 }],
    systemName: "daos_server",
    log,
    component: "server",
  });
}

beforeAll(async () => {
  [ca, rogue] = await Promise.all([testAuthority(), testAuthority()]);
  const [serverCert, agent, admin] = await Promise.all([
    ca.transport("server"),
    ca.transport("agent"),
    ca.transport("admin"),
  ]);
  good = { server: serverCert, agent, admin };
  server = await start(good.server);
  plain = await start(insecureTransport);
});
afterAll(async () => {
  closeConnections();
  await Promise.all([server.close(100), plain.close(100)]);
});

const sys = "daos_server-2.6.0";
const query = (port: number, security: TransportSecurity, component: Component = "admin") =>
  callUnary(
    MgmtSvc.method.leaderQuery,
    `127.0.0.1:${port}`,
    { sys },
    { security, timeoutMs: 5000, component },
  );
/** What may stand on an error of either kind. */
interface Told extends Error {
  readonly code?: number;
  readonly description?: string;
  readonly reason?: string;
  readonly resolution?: string;
}
const errorOf = (work: Promise<unknown>): Promise<Told> =>
  work.then(
    () => {
      throw new Error("the call was answered");
    },
    (error: Told) => error,
  );

describe("with certificates of one CA", () => {
  test("an admin, an agent and a server are known by their common names", async () => {
    handled = [];
    const at = `127.0.0.1:${server.port}`;
    const options = (component: Component) => ({ security: good[component], timeoutMs: 5000, component });
    await callUnary(MgmtSvc.method.leaderQuery, at, { sys }, options("admin"));
    await callUnary(MgmtSvc.method.getAttachInfo, at, { sys }, options("agent"));
    await callUnary(MgmtSvc.method.join, at, { sys }, options("server"));
    await callUnary(MgmtSvc.method.poolEvict, at, { sys }, options("agent"));
    expect(handled).toEqual(["admin", "agent", "server", "agent"]);
  });

  test("an agent may not format storage", async () => {
    handled = [];
    const options = { security: good.agent, timeoutMs: 5000, component: "agent" } as const;
    const error = await errorOf(
      callUnary(CtlSvc.method.storageFormat, `127.0.0.1:${server.port}`, {}, options),
    );
    expect(error).toBeInstanceOf(RpcError);
    expect(error.code).toBe(RpcCode.PermissionDenied);
    expect(error.message).toContain("agent does not have permission to call /ctl.CtlSvc/StorageFormat");
    expect(handled).toEqual([]);
    expect(log.lines.at(-1)).toContain("/ctl.CtlSvc/StorageFormat from agent at 127.0.0.1:");
  });

  test("each method takes the components it is for and no other", async () => {
    const at = `127.0.0.1:${server.port}`;
    const allowed: Readonly<Record<string, readonly Component[]>> = {
      LeaderQuery: ["admin"],
      GetAttachInfo: ["agent"],
      Join: ["server"],
      PoolEvict: ["admin", "agent"],
    };
    for (const [name, components] of Object.entries(allowed)) {
      for (const component of ["admin", "agent", "server"] as const) {
        const method = MgmtSvc.methods.find((m) => m.name === name) as DescMethodUnary;
        const call = callUnary(
          method,
          at,
          { sys },
          { security: good[component], timeoutMs: 5000, component },
        );
        if (components.includes(component)) await call;
        else expect((await errorOf(call)).code).toBe(RpcCode.PermissionDenied);
      }
    }
  });

  test("a component header that is not the certificate's is refused", async () => {
    const error = await errorOf(query(server.port, good.admin, "server"));
    expect(error.code).toBe(RpcCode.PermissionDenied);
    expect(error.message).toContain('component mismatch (req: "server" != cert: "admin")');
  });

  test("a certificate of another name may call nothing", async () => {
    const stranger = await ca.transport("admin", { commonName: "king" });
    const error = await errorOf(query(server.port, stranger));
    expect(error.code).toBe(RpcCode.PermissionDenied);
    expect(error.message).toContain("undefined does not have permission");
  });
});

describe("a client whose certificate is refused is told why, and which file it is", () => {
  const refused = async (security: TransportSecurity, reason: string): Promise<void> => {
    handled = [];
    const before = server.stats.refusedHandshakes;
    const error = await errorOf(query(server.port, security));
    expect(error).toBeInstanceOf(Fault);
    expect(error.code).toBe(FaultCode.SecurityInvalidCert);
    expect(error.description).toBe(
      `the server at 127.0.0.1:${server.port} refused the certificate /test/admin.crt`,
    );
    expect(error.reason).toContain(reason);
    expect(error.resolution).not.toBe("");
    expect(handled).toEqual([]);
    expect(server.stats.refusedHandshakes).toBe(before + 1);
    expect(log.lines.findLast((line) => line.startsWith("ERROR refused 127.0.0.1:"))).toContain(reason);
  };

  test("of another CA", async () => {
    await refused(await rogue.transport("admin", { trusting: ca.caPem }), "signed by unknown authority");
  });
  test("expired", async () => {
    await refused(await ca.transport("admin", ended), "certificate has expired on ");
  });
  test("not yet valid", async () => {
    await refused(await ca.transport("admin", early), "certificate is not valid before ");
  });
  test("not there at all", async () => {
    const { cert: _cert, key: _key, ...rest } = good.admin;
    await refused(
      { ...rest, cert: undefined, key: undefined } as unknown as TransportSecurity,
      "no certificate was shown",
    );
  });
  test("self-signed", async () => {
    const alone = await rogue.transport("admin", { trusting: ca.caPem });
    const self = { ...alone, cert: rogue.caPem, key: await rogueCaKey() };
    await refused(self, "signed by unknown authority");
  });

  async function rogueCaKey(): Promise<string> {
    const der = await crypto.subtle.exportKey("pkcs8", rogue.authority.keys.privateKey);
    return `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
  }

  test("made for servers only", async () => {
    const { x509WithUsage } = await import("./odd-certificates.ts");
    const odd = await x509WithUsage(ca.authority, "admin", "serverAuth");
    await refused({ ...good.admin, ...odd }, "unsupported certificate purpose");
  });

  test("also over TLS 1.2, as 2.6's programs speak it", async () => {
    const bad = await rogue.transport("admin", { trusting: ca.caPem });
    using session = session12(server.port, bad);
    const answer = await rawCall(session, {});
    expect(answer.message).toContain("security: code = 903");
    expect(answer.message).toContain("signed by unknown authority");
  });

  test("and is cut off even when it says nothing", async () => {
    const bad = await rogue.transport("admin", { trusting: ca.caPem });
    using session = session12(server.port, bad);
    const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
    await rawCall(session, {});
    await closed;
  });
});

describe("a server whose certificate is refused", () => {
  const cases: readonly [string, () => Promise<CertificateTransport>, string][] = [
    ["of another CA", () => rogue.transport("server"), "self signed certificate"],
    ["expired", () => ca.transport("server", ended), "certificate has expired"],
    [
      "of an admin",
      () => ca.transport("server", { commonName: "admin" }),
      `is that of "admin", not of a DAOS server`,
    ],
  ];
  for (const [what, make, reason] of cases) {
    test(`${what} is named, with the CA file it was held against`, async () => {
      const impostor = await start(await make());
      try {
        handled = [];
        const error = await errorOf(query(impostor.port, good.admin));
        expect(error.code).toBe(FaultCode.SecurityInvalidCert);
        expect(error.description).toBe(
          `the certificate of the server at 127.0.0.1:${impostor.port} was refused`,
        );
        expect(error.reason).toContain(reason);
        expect(error.resolution).toContain("/test/daosCA.crt");
        expect(handled).toEqual([]);
      } finally {
        await impostor.close(0);
      }
    });
  }

  test("with TLS on one side only, either side says what may be wrong", async () => {
    const toPlain = await errorOf(query(plain.port, good.admin));
    expect(toPlain.code).toBe(FaultCode.ClientConnectionClosed);
    expect(toPlain.reason).toContain("allow_insecure");
    const toTls = await errorOf(query(server.port, insecureTransport));
    expect(toTls.code).toBe(FaultCode.ClientConnectionClosed);
    expect(toTls.resolution).toContain("allow_insecure");
    await waitFor("the server's log line", () =>
      log.lines.some((line) => line.includes("WRONG_VERSION_NUMBER")),
    );
  });
});

describe("the TLS that is spoken", () => {
  const handshake = (options: tls.ConnectionOptions): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const { ca: trusted, cert, key } = good.admin;
      const socket = tls.connect(
        {
          host: "127.0.0.1",
          port: server.port,
          ca: trusted,
          cert,
          key,
          ALPNProtocols: ["h2"],
          checkServerIdentity: () => undefined,
          ...options,
        },
        () => resolve(socket),
      );
      socket.once("error", reject);
    });

  test("is 1.2 with 2.6's one cipher suite, or 1.3", async () => {
    const old = await handshake({ maxVersion: "TLSv1.2", ciphers: "AES256-GCM-SHA384" });
    expect([old.getProtocol(), old.getCipher().name, old.alpnProtocol]).toEqual([
      "TLSv1.2",
      "AES256-GCM-SHA384",
      "h2",
    ]);
    old.destroy();
    const now = await handshake({});
    expect([now.getProtocol(), now.alpnProtocol]).toEqual(["TLSv1.3", "h2"]);
    now.destroy();
  });

  test("is no weaker suite of 1.2, and nothing older", async () => {
    const weak = { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-SHA:AES128-SHA" } as const;
    await expect(handshake(weak)).rejects.toThrow();
    await expect(handshake({ minVersion: "TLSv1", maxVersion: "TLSv1.1" })).rejects.toThrow();
  });

  test("a resumed session is that of the certificate it began with", async () => {
    const first = await handshake({ maxVersion: "TLSv1.2" });
    const ticket = first.getSession();
    first.destroy();
    using session = session12(server.port, good.admin, { session: ticket });
    handled = [];
    expect((await rawCall(session, {})).code).toBe(RpcCode.OK);
    expect((session.socket as TLSSocket).isSessionReused()).toBe(true);
    expect(handled).toEqual(["admin"]);
  });

  test("2.6's way of calling is served", async () => {
    using session = session12(server.port, good.admin);
    expect((await rawCall(session, {})).code).toBe(RpcCode.OK);
  });
});

describe("without certificates", () => {
  test("the component header is believed and roles are not asked", async () => {
    handled = [];
    await query(plain.port, insecureTransport, "agent");
    expect(handled).toEqual(["agent"]);
  });

  test("a caller without headers must name our very version in the request", async () => {
    using session = openSession(plain.port);
    const bare = { "x-daos-component": undefined, "x-daos-version": undefined };
    const answer = await rawCall(session, bare);
    expect(answer.message).toContain("server: code = 617");
  });
});

/** A connection as grpc-go of 2.6 makes it. */
function session12(port: number, transport: CertificateTransport, more: tls.ConnectionOptions = {}) {
  const session = http2.connect(`https://127.0.0.1:${port}`, {
    ca: transport.ca,
    cert: transport.cert,
    key: transport.key,
    maxVersion: "TLSv1.2",
    ciphers: "AES256-GCM-SHA384",
    checkServerIdentity: () => undefined,
    ...more,
  });
  session.on("error", () => {
    // The streams report it.
  });
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}
