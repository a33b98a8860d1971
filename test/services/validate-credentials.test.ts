import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { chmod, copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clone, create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { callDrpc } from "../../src/drpc/client.ts";
import { listenDrpc } from "../../src/drpc/server.ts";
import type { DrpcServer } from "../../src/drpc/types.ts";
import {
  CredentialSchema,
  ValidateCredReqSchema,
  ValidateCredRespSchema,
} from "../../src/gen/security/auth_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { type CertificateFiles, makeCertificates } from "../../src/security/certificates.ts";
import { makeCredential } from "../../src/security/credentials.ts";
import { loadTransportSecurity } from "../../src/security/tls.ts";
import { securityModules } from "../../src/services/security.ts";
import { recordingLog } from "./harness.ts";

let dir: string;
let files: CertificateFiles;
let secure: DrpcServer;
let insecure: DrpcServer;
const log = recordingLog();
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "daosctl-creds-"));
  files = await makeCertificates(dir);
  const transport = await loadTransportSecurity(
    {
      allowInsecure: false,
      caCert: files.caCert,
      cert: files.cert.server,
      key: files.key.server,
      clientCertDir: files.clientCertDir,
    },
    "server",
  );
  const listen = (name: string, modules: ReturnType<typeof securityModules>) =>
    listenDrpc({ path: join(dir, name), mode: 0o600, modules, log: silentLogger });
  secure = await listen("secure.sock", securityModules(transport, log));
  insecure = await listen("insecure.sock", securityModules({ insecure: true }, log));
});
afterAll(async () => {
  await Promise.all([secure.close(0), insecure.close(0)]);
  await rm(dir, { recursive: true, force: true });
});

const identity = { user: "alice", group: "users", groups: ["users"], machineName: "n1" };
const agentKey = async () => createPrivateKey(await readFile(files.key.agent));

/** Asks as an engine does: module 4, method 401. */
async function validate(server: DrpcServer, cred: MessageInitShape<typeof CredentialSchema> | undefined) {
  const request = create(ValidateCredReqSchema, cred === undefined ? {} : { cred });
  const body = await callDrpc(server.path, 4, 401, toBinary(ValidateCredReqSchema, request), {
    timeoutMs: 5000,
  });
  return fromBinary(ValidateCredRespSchema, body);
}

describe("the server's answer to an engine that asks about a credential", () => {
  test("is the token when the agent's signature is genuine", async () => {
    const cred = await makeCredential(identity, await agentKey());
    expect(await validate(secure, cred)).toEqual(create(ValidateCredRespSchema, { token: cred.token! }));
  });

  test("is the token when the bare hash is right and the system runs without certificates", async () => {
    const cred = await makeCredential(identity, undefined);
    expect((await validate(insecure, cred)).token).toEqual(cred.token);
  });

  test("is DER_NO_PERM when the verifier is not genuine", async () => {
    const hashed = await makeCredential(identity, undefined);
    const signed = await makeCredential(identity, await agentKey());
    const altered = clone(CredentialSchema, signed);
    altered.token!.data[3]! ^= 1;
    const bySomeoneElse = await makeCredential(identity, createPrivateKey(await readFile(files.key.admin)));
    for (const cred of [hashed, altered, bySomeoneElse])
      expect((await validate(secure, cred)).status).toBe(-1001);
    expect((await validate(insecure, signed)).status).toBe(-1001);
    expect(log.lines.at(-1)).toContain("cred verification failed");
  });

  test("is DER_INVAL when a part is missing", async () => {
    const { token, verifier, origin } = await makeCredential(identity, undefined);
    expect((await validate(secure, undefined)).status).toBe(-1003);
    expect((await validate(secure, { verifier, origin })).status).toBe(-1003);
    expect((await validate(secure, { token, origin })).status).toBe(-1003);
  });

  test("is DER_NO_CERT when the signer's certificate is not there", async () => {
    const cred = await makeCredential(identity, await agentKey());
    expect((await validate(secure, { ...cred, origin: "stranger" })).status).toBe(-2043);
    expect(log.lines.at(-1)).toContain("stranger.crt");
  });

  test("is DER_NO_CERT when the origin would lead out of the folder", async () => {
    const cred = await makeCredential(identity, await agentKey());
    for (const origin of ["../agent", "/etc/x", "", ".", "..", "a/b", "agent\0"]) {
      expect((await validate(secure, { ...cred, origin })).status).toBe(-2043);
    }
  });

  test("follows a certificate that is replaced", async () => {
    const path = join(files.clientCertDir, "login.crt");
    await copyFile(files.cert.agent, path);
    const cred = { ...(await makeCredential(identity, await agentKey())), origin: "login" };
    expect((await validate(secure, cred)).status).toBe(0);
    await rm(path);
    await copyFile(files.cert.admin, path);
    expect((await validate(secure, cred)).status).toBe(-1001);
    await chmod(path, 0o666);
    expect((await validate(secure, cred)).status).toBe(-2043);
    await rm(path);
    expect((await validate(secure, cred)).status).toBe(-2043);
  });

  test("is a dRPC status when the request is no such message or the method is unknown", async () => {
    const garbage = new Uint8Array([0x0a, 0xff]);
    await expect(callDrpc(secure.path, 4, 401, garbage, { timeoutMs: 5000 })).rejects.toThrow(
      "FAILED_UNMARSHAL_PAYLOAD",
    );
    await expect(callDrpc(secure.path, 4, 499, garbage, { timeoutMs: 5000 })).rejects.toThrow(
      "UNKNOWN_METHOD",
    );
  });
});
