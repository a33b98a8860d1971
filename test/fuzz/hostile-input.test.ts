import { afterAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { create, type DescMessage, type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { parseAclText } from "../../src/client/acl-file.ts";
import {
  decodeStatusMessage,
  encodeFrame,
  encodeStatusMessage,
  parseTimeoutMs,
} from "../../src/client/grpc.ts";
import { foldHosts, parseHostSet } from "../../src/client/hostset.ts";
import { parseServerConfig } from "../../src/config/server.ts";
import { decodeCall, decodeResponse, encodeCall, encodeResponse } from "../../src/drpc/frames.ts";
import { Status } from "../../src/drpc/status.ts";
import { errorFromStatus } from "../../src/faults/wire.ts";
import { CtlSvc } from "../../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { CredentialSchema, ValidateCredReqSchema } from "../../src/gen/security/auth_pb.ts";
import { requestSchema } from "../../src/helper/protocol.ts";
import {
  checkVerifier,
  makeVerifier,
  originCertificate,
  readSysToken,
} from "../../src/security/credentials.ts";
import { factsOf } from "../../src/security/facts.ts";
import { parseSystemField, parseVersion } from "../../src/security/interop.ts";
import { parseAll } from "../../src/security/load.ts";
import { makeRequest, requestedKey } from "../../src/security/request.ts";
import { makeToken, parseToken, tokenText } from "../../src/security/tokens.ts";
import { certificateRequest } from "../../src/services/enrollment.ts";
import { formatRanks, parseRanks } from "../../src/system/ranks.ts";
import { testAuthority } from "../security/authority.ts";
import { openSession, rawCall, serve } from "../services/harness.ts";
import { BrokenPromise, budget, mutated, mutatedText, promise, ran, tryCase } from "./budget.ts";

/** With a million cases the run takes minutes, and no test may be cut short of its share. */
const timeoutMs = process.env["FUZZ_CASES"] === undefined ? 20_000 : 3_600_000;

/** `parse` may refuse with an Error that has words, and do nothing else: no crash, no hang. */
function refusesOnly<T>(name: string, input: fc.Arbitrary<T>, parse: (value: T) => unknown): void {
  test(
    name,
    () => {
      const { count, ...parameters } = budget(name);
      fc.assert(
        fc.property(input, (value) => {
          count();
          tryCase(parse, value);
        }),
        parameters as fc.Parameters<[T]>,
      );
    },
    timeoutMs,
  );
}

const ca = await testAuthority();
const agent = await ca.transport("agent");
const agentCert = new X509Certificate(agent.cert);
const rssBefore = process.memoryUsage().rss;

refusesOnly(
  "dRPC calls",
  mutated([encodeCall(2, 201, 7n, new Uint8Array([1, 2, 3])), encodeCall(0, 101, 1n, new Uint8Array(0))]),
  decodeCall,
);
refusesOnly(
  "dRPC responses",
  mutated([encodeResponse(7n, Status.SUCCESS, new Uint8Array([1, 2, 3]))]),
  decodeResponse,
);

const messages: DescMessage[] = [CtlSvc, MgmtSvc].flatMap((service: DescService) =>
  service.methods.flatMap(({ input, output }) => [input, output]),
);
refusesOnly(
  "protobuf bodies of every method",
  fc.tuple(fc.constantFrom(...messages), mutated(messages.slice(0, 20).map((m) => toBinary(m, create(m))))),
  ([desc, bytes]) => toBinary(desc, fromBinary(desc, bytes)),
);
refusesOnly(
  "lengths in protobuf bodies that promise too much",
  fc.tuple(fc.constantFrom(...messages), fc.nat()),
  ([desc, n]) => {
    const claim = Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, n & 0xff]);
    fromBinary(desc, claim);
  },
);

const yaml = `name: daos_server
port: 10001
access_points: ['host1']
transport_config: {allow_insecure: true}
engines:
- targets: 4
  fabric_iface: eth0
  storage: [{class: ram, scm_mount: /mnt/daos, scm_size: 16}]
`;
refusesOnly(
  "server configurations in YAML",
  mutatedText(
    [yaml, "a: &a [*a]", "x: &x {y: *x}", "? [a]\n: b", "!!js/function x", "- ".repeat(50)],
    "abc:{}[]-&*!|>'\"#%@, \n\t0123",
  ),
  (text) => parseServerConfig(Buffer.from(text), "fuzz.yml"),
);
refusesOnly(
  "ACLs",
  mutatedText(["A::OWNER@:rwdtTaAo", "A:G:GROUP@:rwtT", "AUFS::a@:rw\n# x"], "AGDUFS:@rwcdtTaAo#\n "),
  parseAclText,
);
refusesOnly(
  "host sets",
  mutatedText(["node[1-12,15]", "a-[01-10].b:10001,c", "[::1]:5"], "abn[]-,.:0123456789"),
  (text) => {
    const hosts = parseHostSet(text);
    const again = parseHostSet(foldHosts(hosts)).sort();
    promise(Bun.deepEquals(again, [...new Set(hosts)].sort()), "folding hosts changed them");
  },
);
refusesOnly("rank sets", mutatedText(["0-3,7", "[1-2]", "4294967295"], "0123456789-,[] "), (text) => {
  const ranks = parseRanks(text);
  // A set near the bound of a million is taken apart often enough by the first parse alone.
  if (ranks.length > 20_000) return;
  const sorted = [...new Set(ranks)].sort((a, b) => a - b);
  promise(Bun.deepEquals(parseRanks(formatRanks(ranks)), sorted), "folding ranks changed them");
});

const token = tokenText(makeToken([agentCert]));
refusesOnly("join tokens", mutatedText([token], "djt1._-AZaz09=+/"), (text) => parseToken(text));
refusesOnly(
  "certificates in PEM",
  mutatedText([agent.cert, agent.cert + ca.caPem], "-BEGINCRTAZaz09+/=\n "),
  (text) => parseAll("fuzz.crt", text).map(factsOf),
);
refusesOnly("certificates in DER", mutated([agentCert.raw]), (bytes) => factsOf(new X509Certificate(bytes)));
refusesOnly(
  "origins of credentials",
  mutatedText([`x509:${agentCert.raw.toString("base64")}`, "agent"], "x509:AZaz09+/=."),
  originCertificate,
);
refusesOnly(
  "credentials",
  mutated([toBinary(CredentialSchema, create(CredentialSchema, { token: { flavor: 1 } }))]),
  (bytes) => {
    const { cred } = fromBinary(ValidateCredReqSchema, bytes);
    if (cred?.token !== undefined) readSysToken(cred.token);
  },
);
refusesOnly(
  "headers: version, system, timeout, status text",
  mutatedText(["2.6.0", "daos_server-2.6.0", "100m", "a%20b"], "0123456789.-vmSHun%abc"),
  (text) => {
    parseVersion(text);
    parseSystemField(text);
    parseTimeoutMs(text);
    decodeStatusMessage(text);
    promise(decodeStatusMessage(encodeStatusMessage(text)) === text.toWellFormed(), "a status text changed");
  },
);
refusesOnly(
  "details of statuses from a peer",
  mutated([new Uint8Array([8, 13, 18, 1, 97, 26, 2, 10, 0])]),
  (details) => errorFromStatus({ code: 13, message: "x", details }),
);
refusesOnly("requests to the privileged helper", fc.json(), (text) => requestSchema.parse(JSON.parse(text)));
refusesOnly(
  "mounts asked of the privileged helper",
  fc.record({
    op: fc.constant("mount"),
    source: fc.string(),
    target: fc.string(),
    fstype: fc.string(),
    options: fc.string(),
  }),
  (request) => {
    const parsed = requestSchema.parse(request);
    // What gets through is a plain absolute path, whatever was asked.
    if (parsed.op === "mount")
      promise(/^\/(?!.*(\/\.\.?(\/|$)|\0))/.test(parsed.target), "a target that is no plain path");
  },
);
refusesOnly("requests for a certificate", fc.json(), (text) => certificateRequest.parse(JSON.parse(text)));

const signed = create(CredentialSchema, { token: { flavor: 1, data: new Uint8Array([10, 1, 97]) } }).token!;
const verifier = await makeVerifier(signed, (await import("node:crypto")).createPrivateKey(agent.key));
test(
  "forged signatures: none passes but the true one",
  () => {
    const { count, ...parameters } = budget("forged signatures");
    fc.assert(
      fc.property(mutated([verifier]), (bytes) => {
        count();
        const same = Buffer.from(bytes).equals(verifier);
        let passed = true;
        try {
          checkVerifier(signed, bytes, agentCert.publicKey);
        } catch {
          passed = false;
        }
        expect(passed).toBe(same);
      }),
      parameters as fc.Parameters<[Uint8Array]>,
    );
  },
  timeoutMs,
);

test(
  "signing requests: none passes but a true one",
  async () => {
    const { makeKeys } = await import("../../src/security/certificates.ts");
    const pem = await makeRequest(await makeKeys());
    const { count, ...parameters } = budget("signing requests");
    await fc.assert(
      fc.asyncProperty(mutatedText([pem], "-BEGINCRTAZaz09+/=\n "), async (text) => {
        count();
        const outcome = await requestedKey(text).then(
          () => "taken",
          (error: unknown) => (error instanceof Error ? "refused" : "broken"),
        );
        expect(outcome).not.toBe("broken");
      }),
      { ...parameters, numRuns: Math.min(parameters.numRuns ?? 0, 20_000) } as fc.Parameters<[string]>,
    );
  },
  timeoutMs,
);

test(
  "gRPC frames on the wire: each is answered a status, and the server lives",
  async () => {
    const server = await serve({
      leaderQuery: { roles: ["admin"], handle: () => ({ currentLeader: "here" }) },
    });
    const { count, ...parameters } = budget("gRPC frames");
    let session = openSession(server.port);
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(
        mutated([encodeFrame(new Uint8Array([10, 1, 97])), encodeFrame(new Uint8Array(0))]),
        async (body) => {
          count();
          // The server ends a session after a thousand empty DATA frames that end nothing: an empty body here is one.
          if (++calls % 500 === 0) {
            session.destroy();
            session = openSession(server.port);
          }
          const { code } = await rawCall(session, {}, body);
          expect(code).toBeDefined();
        },
      ),
      // Each case is a call over a socket.
      { ...parameters, numRuns: Math.min(parameters.numRuns ?? 0, 10_000) } as fc.Parameters<[Uint8Array]>,
    );
    expect((await rawCall(session, {})).code).toBe(0);
    session.destroy();
    await server.close(0);
  },
  timeoutMs,
);

test("the harness tells a broken promise and a mistake from a refusal", () => {
  tryCase(() => {
    throw new Error("refused");
  }, "");
  expect(() => tryCase(() => promise(false, "broken"), "")).toThrow(BrokenPromise);
  expect(() => tryCase(() => (undefined as never as { a: number }).a, "")).toThrow(TypeError);
  expect(() => tryCase(() => Promise.reject, "")).not.toThrow();
  const endless = (): unknown => [endless()];
  expect(() => tryCase(endless, "")).toThrow(RangeError);
});

test("memory has not grown with the cases", () => {
  Bun.gc(true);
  const grown = process.memoryUsage().rss - rssBefore;
  expect(grown).toBeLessThan(400 << 20);
});

afterAll(() => {
  const total = [...ran.values()].reduce((sum, n) => sum + n, 0);
  console.log(`fuzz: ${total} cases in ${ran.size} properties`);
});
