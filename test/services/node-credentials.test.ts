import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrpcModule, SecMethod } from "../../src/drpc/methods.ts";
import {
  type Credential,
  ValidateCredReqSchema,
  ValidateCredRespSchema,
} from "../../src/gen/security/auth_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { makeKeys } from "../../src/security/certificates.ts";
import { credentialSigner, makeCredential } from "../../src/security/credentials.ts";
import { securityModules } from "../../src/services/security.ts";
import { ended, testAuthority } from "../security/authority.ts";

const ca = await testAuthority();
const evil = await testAuthority();
const [keyA, keyB] = await Promise.all([makeKeys(), makeKeys()]);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "daosctl-clients-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const identity = { user: "u", group: "g", groups: [], machineName: "n1" };

async function verdict(cred: Credential, clientCertDir = dir): Promise<number> {
  const modules = securityModules({ ...(await ca.transport("server")), clientCertDir }, silentLogger);
  const validate = modules[DrpcModule.SEC]?.[SecMethod.VALIDATE_CREDS];
  const body = toBinary(ValidateCredReqSchema, create(ValidateCredReqSchema, { cred }));
  const answer = await validate?.(body, undefined as never);
  return fromBinary(ValidateCredRespSchema, answer as Uint8Array).status;
}
const made = async (transport: { cert: string; key: string }) =>
  makeCredential(identity, credentialSigner(transport.cert, transport.key));
const noPermission = -1001;
const noCertificate = -2043;

describe("a credential signed with a node's own key", () => {
  test("is good when the system's CA vouches for an agent of that key", async () => {
    expect(await verdict(await made(await ca.transport("agent", { node: "n1" })))).toBe(0);
  });

  test("is refused when another CA vouches, or for another component, or no more", async () => {
    expect(await verdict(await made(await evil.transport("agent", { node: "n1" })))).toBe(noCertificate);
    expect(await verdict(await made(await ca.transport("admin", { node: "n1" })))).toBe(noCertificate);
    expect(await verdict(await made(await ca.transport("server", { node: "n1" })))).toBe(noCertificate);
    expect(await verdict(await made(await ca.transport("agent", { node: "n1", ...ended })))).toBe(
      noCertificate,
    );
  });

  test("is refused when the signature is another node's, or the token was changed", async () => {
    const a = await made(await ca.transport("agent", { node: "n1", keys: keyA }));
    const b = await made(await ca.transport("agent", { node: "n2", keys: keyB }));
    expect(await verdict({ ...a, origin: b.origin })).toBe(noPermission);
    const other = await makeCredential({ ...identity, user: "root" }, undefined);
    expect(await verdict({ ...a, token: other.token })).toBe(noPermission);
    expect(await verdict({ ...a, origin: `${a.origin.slice(0, -8)}AAAAAAA=` })).toBeLessThan(0);
  });

  test("is refused when its origin leads out of the folder", async () => {
    const cred = await made(await ca.transport("agent"));
    for (const origin of ["../agent", "/etc/passwd", "a/b", "", "x509:", `x509:${"A".repeat(100_000)}`]) {
      expect(await verdict({ ...cred, origin })).toBe(noCertificate);
    }
  });
});

test("while agents change to a new key, credentials by the old one and by the new one are good", async () => {
  const before = await ca.transport("agent", { keys: keyA });
  const after = await ca.transport("agent", { keys: keyB });
  const old = await made(before);
  await writeFile(join(dir, "agent.crt"), before.cert);
  expect([await verdict(old), await verdict(await made(after))]).toEqual([0, noPermission]);
  await writeFile(join(dir, "agent.previous.crt"), before.cert);
  await writeFile(join(dir, "agent.crt"), after.cert);
  expect([await verdict(old), await verdict(await made(after))]).toEqual([0, 0]);
  await rm(join(dir, "agent.previous.crt"));
  expect([await verdict(old), await verdict(await made(after))]).toEqual([noPermission, 0]);
});

test("a shared key's credential is what 2.6 makes", async () => {
  const shared = await ca.transport("agent");
  expect((await makeCredential(identity, createPrivateKey(shared.key))).origin).toBe("agent");
});
