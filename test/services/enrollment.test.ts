import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import http2 from "node:http2";
import { enroll } from "../../src/client/enrollment.ts";
import { createToken, listTokens, redeemToken, revokeToken } from "../../src/client/tokens.ts";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { TokenSvc } from "../../src/gen/token/token_pb.ts";
import { keyPemOf, makeKeys } from "../../src/security/certificates.ts";
import { credentialSigner, makeCredential } from "../../src/security/credentials.ts";
import { factsOf } from "../../src/security/facts.ts";
import { makeRequest } from "../../src/security/request.ts";
import { clientTlsOptions, strangerTlsOptions } from "../../src/security/tls.ts";
import { makeToken, parseToken, tokenText } from "../../src/security/tokens.ts";
import {
  authorityPath,
  certificatePath,
  createEnrollment,
  type EnrollmentRate,
} from "../../src/services/enrollment.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";
import { testAuthority } from "../security/authority.ts";
import { failureOf } from "../support/wait.ts";
import { recordingLog } from "./harness.ts";
import { type TestSystem, testSystem } from "./management/support.ts";

const ca = await testAuthority();
const evil = await testAuthority();
const keys = await makeKeys();
const request = await makeRequest(keys);
let system: TestSystem;
beforeAll(async () => {
  system = await testSystem();
});
afterAll(async () => {
  closeConnections();
  await system.close();
});

/** A server of the system that issues certificates. */
async function issuing(rate?: EnrollmentRate) {
  const log = recordingLog();
  const transport = await ca.transport("server");
  const self = {
    security: transport,
    component: "server",
    sys: "daos_server-2.6.0",
    timeoutMs: 5000,
  } as const;
  let port = 0;
  const doorstep = createEnrollment({
    authorities: () => ca.caPem,
    authority: () => Promise.resolve(ca.authority),
    redeem: (use) => redeemToken(self, [`127.0.0.1:${port}`], use),
    clients: () => Promise.resolve({ "agent.crt": "PEM" }),
    log,
    ...(rate === undefined ? {} : { rate }),
  });
  const server = await serveRpc({
    services: [
      rpcService(MgmtSvc, system.management.service),
      rpcService(TokenSvc, system.management.tokens),
    ],
    doorstep,
    transport,
    listen: [{ host: "127.0.0.1", port: 0 }],
    systemName: "daos_server",
    log,
    component: "server",
  });
  port = server.port;
  return { server, log, at: `127.0.0.1:${port}` };
}

async function admin(at: string) {
  return {
    security: await ca.transport("admin"),
    component: "admin",
    sys: "daos_server-2.6.0",
    systemName: "daos_server",
    hosts: [at],
    timeoutMs: 5000,
  } as const;
}

async function withIssuing(
  work: (context: { at: string; server: RpcServer; lines: string[] }) => Promise<void>,
  rate?: EnrollmentRate,
) {
  const { server, log, at } = await issuing(rate);
  try {
    await work({ at, server, lines: log.lines });
  } finally {
    closeConnections();
    await server.close(0);
  }
}

const asked = (token: string, node = "n1") => ({
  token: parseToken(token),
  request,
  node,
  hostNames: ["n1.example"],
  timeoutMs: 5000,
});
const wanted = { component: "agent", seconds: 600, node: "" } as const;

describe("a node with a token", () => {
  test("gets a certificate for the key it holds, with which it may call", async () => {
    await withIssuing(async ({ at, lines }) => {
      const client = await admin(at);
      const { token, id } = await createToken(client, wanted);
      const got = await enroll(at, asked(token));
      const cert = new X509Certificate(got.certificate);
      expect(factsOf(cert)).toMatchObject({ commonName: "agent", node: "n1", hostNames: ["DNS:n1.example"] });
      const security = {
        ...(await ca.transport("agent")),
        cert: got.certificate,
        key: await keyPemOf(keys),
        ca: got.authorities,
      };
      const error = await failureOf(
        callUnary(
          MgmtSvc.method.getAttachInfo,
          at,
          { sys: "daos_server-2.6.0" },
          { security, timeoutMs: 5000, component: "agent" },
        ),
      );
      // It was let in: an empty system has no members to tell of.
      expect(error.message).not.toMatch(/permission|certificate/i);
      const [listed] = await listTokens(client);
      expect(listed).toMatchObject({ id, component: "agent" });
      expect(listed?.usedBy).toMatch(/^n1 at 127\.0\.0\.1:\d+$/);
      expect(lines.some((line) => line.includes(`issued to node n1`) && line.includes(id))).toBe(true);
    });
  });

  test("for a server gets the certificates that verify users, an agent does not", async () => {
    await withIssuing(async ({ at }) => {
      const client = await admin(at);
      const server = await enroll(
        at,
        asked((await createToken(client, { ...wanted, component: "server" })).token),
      );
      expect(server.component).toBe("server");
      expect(server.clients).toEqual({ "agent.crt": "PEM" });
      expect((await enroll(at, asked((await createToken(client, wanted)).token))).clients).toEqual({});
    });
  });

  test("may use it once, also after a restart of the management service", async () => {
    await withIssuing(async ({ at }) => {
      const { token } = await createToken(await admin(at), wanted);
      await enroll(at, asked(token));
      expect((await failureOf(enroll(at, asked(token)))).message).toContain("used before");
      await system.restart();
    });
    await withIssuing(async ({ at }) => {
      const [used] = (await listTokens(await admin(at))).filter((token) => token.used !== 0n);
      expect(used).toBeDefined();
    });
  });

  test("used at many places at once gets one certificate", async () => {
    await withIssuing(async ({ at }) => {
      const { token } = await createToken(await admin(at), wanted);
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => enroll(at, asked(token))));
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });
  });

  test("is refused when the token is unknown, wrong, revoked, or of another node", async () => {
    await withIssuing(async ({ at }) => {
      const client = await admin(at);
      const unknown = tokenText(makeToken([new X509Certificate(ca.caPem)]));
      expect((await failureOf(enroll(at, asked(unknown)))).message).toContain("not valid");
      const { token, id } = await createToken(client, wanted);
      const other = parseToken(unknown);
      const wrong = tokenText({ ...parseToken(token), secret: other.secret });
      expect((await failureOf(enroll(at, asked(wrong)))).message).toContain("unknown");
      await revokeToken(client, id);
      expect((await failureOf(enroll(at, asked(token)))).message).toContain("unknown");
      const bound = await createToken(client, { ...wanted, node: "n2" });
      expect((await failureOf(enroll(at, asked(bound.token, "n1")))).message).toContain("another node");
      await enroll(at, asked(bound.token, "n2"));
    });
  });

  test("keeps its token when its request was bad", async () => {
    await withIssuing(async ({ at }) => {
      const { token } = await createToken(await admin(at), wanted);
      const bad = { ...asked(token), request: "no request" };
      expect((await failureOf(enroll(at, bad))).message).toContain("signing request");
      expect((await failureOf(enroll(at, asked(token, "a b")))).message).toContain("host name");
      await enroll(at, asked(token));
    });
  });

  test("tells its secret to nobody but a server of the system the token is of", async () => {
    await withIssuing(async ({ at }) => {
      const { token } = await createToken(await admin(at), wanted);
      const seen: string[] = [];
      // Has the true CA certificate, as everybody may, but no server's key of it.
      const impostor = http2.createSecureServer({
        ...(await evil.transport("server").then(({ cert, key }) => ({ cert, key }))),
        ciphers: "AES256-GCM-SHA384",
      });
      impostor.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
        seen.push(String(headers[":path"]));
        stream.respond({ ":status": 200, "content-type": "application/json" });
        stream.end(JSON.stringify({ authorities: ca.caPem + evil.caPem }));
      });
      await new Promise<void>((resolve) => impostor.listen(0, "127.0.0.1", () => resolve()));
      const { port } = impostor.address() as { port: number };
      const error = await failureOf(enroll(`127.0.0.1:${port}`, asked(token)));
      expect(error.message).toContain("not of the system");
      expect(seen).toEqual([authorityPath]);
      impostor.close();
      await enroll(at, asked(token));
    });
  });
});

/** One stranger's request, as it likes. */
function strange(at: string, path: string, body: string, tls: object = strangerTlsOptions()) {
  return new Promise<{ status: number; grpc: string; text: string }>((resolve) => {
    const session = http2.connect(`https://${at}`, tls);
    session.on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
    let status = 0;
    let grpc = "";
    let text = "";
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      grpc = String(headers["grpc-status"] ?? "");
    });
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    stream.on("error", () => {});
    stream.on("close", () => {
      session.destroy();
      resolve({ status, grpc, text });
    });
    stream.end(body);
  });
}

describe("a stranger", () => {
  test("reaches nothing but the two requests", async () => {
    await withIssuing(async ({ at, server }) => {
      for (const path of [
        "/mgmt.MgmtSvc/SystemQuery",
        "/daosctl.TokenSvc/TokenList",
        "/daosctl.Enrollment/Other",
        "/",
      ]) {
        expect((await strange(at, path, "")).grpc).not.toBe("0");
      }
      expect(server.stats.refusedHandshakes).toBe(4);
    });
  });

  test("with a certificate of another CA is refused, token or not", async () => {
    await withIssuing(async ({ at }) => {
      const tls = clientTlsOptions(await evil.transport("agent", { trusting: ca.caPem }));
      const answer = await strange(at, authorityPath, "{}", tls);
      expect(answer.grpc).not.toBe("");
      expect(answer.text).toBe("");
    });
  });

  test("is answered malformed and oversized requests in words", async () => {
    await withIssuing(async ({ at }) => {
      expect((await strange(at, certificatePath, "{")).text).toContain("no JSON");
      expect((await strange(at, certificatePath, "{}")).text).toContain("malformed request");
      expect((await strange(at, certificatePath, `"${"x".repeat(100_000)}"`)).text).toContain("too large");
    });
  });

  test("who asks too often is turned away, and no secret stands in the log", async () => {
    const rate = { burst: 3, perSecond: 0, burstInAll: 100, perSecondInAll: 0 };
    await withIssuing(async ({ at, lines }) => {
      const answers: number[] = [];
      for (let i = 0; i < 5; i++) answers.push((await strange(at, authorityPath, "{}")).status);
      expect(answers).toEqual([200, 200, 200, 429, 429]);
      const { token } = await createToken(await admin(at), wanted);
      await failureOf(enroll(at, asked(token)));
      expect(lines.join("\n")).not.toContain(parseToken(token).secret);
    }, rate);
  });
});

describe("tokens in the system", () => {
  test("are for admins to make and for servers to redeem", async () => {
    await withIssuing(async ({ at }) => {
      const agent = {
        ...(await admin(at)),
        component: "agent",
        security: await ca.transport("agent"),
      } as const;
      expect((await failureOf(createToken(agent as never, wanted))).message).toContain("permission");
      const use = { id: "x", secret: "y", node: "n", address: "a" };
      expect((await failureOf(redeemToken(await admin(at), [at], use))).message).toContain("permission");
    });
  });

  test("are no attributes that anybody sees, and their secrets are nowhere", async () => {
    await withIssuing(async ({ at }) => {
      const { token } = await createToken(await admin(at), wanted);
      expect((await system.call("systemGetAttr", {})).attributes).toEqual({});
      const files = await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: system.dir, dot: true }));
      for (const file of files) {
        const bytes = Buffer.from(await Bun.file(`${system.dir}/${file}`).arrayBuffer());
        expect(bytes.includes(parseToken(token).secret)).toBe(false);
      }
      expect(system.log.join("\n")).not.toContain(parseToken(token).secret);
    });
  });

  test("have bounds", async () => {
    await withIssuing(async ({ at }) => {
      const client = await admin(at);
      expect((await failureOf(createToken(client, { ...wanted, seconds: 0 }))).message).toContain(
        "lives for",
      );
      expect((await failureOf(createToken(client, { ...wanted, seconds: 10_000_000 }))).message).toContain(
        "lives for",
      );
      expect(
        (await failureOf(createToken(client, { ...wanted, component: "admin" as never }))).message,
      ).toContain("servers and agents");
      expect((await failureOf(revokeToken(client, "nothing"))).message).toContain("no token");
    });
  });

  test("expire", async () => {
    let now = new Date("2026-01-01T00:00:00Z");
    const later = await testSystem({ now: () => now });
    const { tokenCreate, tokenRedeem } = later.management.tokens;
    const token = makeToken([new X509Certificate(ca.caPem)]);
    const { secretHash } = await import("../../src/security/tokens.ts");
    const hash = secretHash(token.secret);
    const context = {
      method: "",
      caller: "admin",
      peerAddr: "here",
      signal: AbortSignal.timeout(1000),
    } as const;
    await tokenCreate?.handle(
      { id: token.id, secretHash: hash, component: "agent", seconds: 60, node: "" } as never,
      context,
    );
    now = new Date("2026-01-01T00:01:00Z");
    const use = { id: token.id, secretHash: hash, node: "n", address: "a" };
    const error = await failureOf(Promise.resolve(tokenRedeem?.handle(use as never, context)));
    expect(error.message).toContain("expired");
    await later.close();
  });
});

test("a joined agent's credential carries its certificate", async () => {
  const own = await ca.transport("agent", { node: "n1" });
  const shared = await ca.transport("agent");
  const identity = { user: "u", group: "g", groups: [], machineName: "n1" };
  const cred = await makeCredential(identity, credentialSigner(own.cert, own.key));
  expect(cred.origin.startsWith("x509:")).toBe(true);
  expect((await makeCredential(identity, credentialSigner(shared.cert, shared.key))).origin).toBe("agent");
});
