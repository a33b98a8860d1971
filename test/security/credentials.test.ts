import { describe, expect, test } from "bun:test";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { TokenSchema, ValidateCredReqSchema } from "../../src/gen/security/auth_pb.ts";
import {
  checkVerifier,
  makeCredential,
  readSysToken,
  shortHostName,
  type UserIdentity,
} from "../../src/security/credentials.ts";

interface Packet {
  readonly method?: number;
  readonly kind: string;
  readonly frame: string;
}
const packetText = await Bun.file(new URL("../reference/drpc-2.6.jsonl", import.meta.url)).text();
const packets = packetText
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Packet);
/** The body of a recorded ValidateCredentials call (4/401): field 4 of the frame. */
const recordedFrame = Buffer.from(packets.find((p) => p.method === 401 && p.kind === "call")!.frame, "hex");
const recordedCred = fromBinary(
  ValidateCredReqSchema,
  recordedFrame.subarray(recordedFrame.indexOf(0x22) + 2),
).cred!;

/** Made by 2.6's own library: a key pair's public half, a token, and the signature over it. */
const signedBy26 = (await Bun.file(new URL("credential-2.6.json", import.meta.url)).json()) as {
  readonly publicKeyPem: string;
  readonly token: string;
  readonly verifier: string;
};

const root: UserIdentity = { user: "root", group: "root", groups: ["root"], machineName: "vm" };
const pair = generateKeyPairSync("rsa", { modulusLength: 3072 });

describe("a credential without certificates", () => {
  test("has the bytes that 2.6 made for the same user", async () => {
    const cred = await makeCredential(root, undefined);
    const bytes = toBinary(ValidateCredReqSchema, create(ValidateCredReqSchema, { cred }));
    const expected = toBinary(ValidateCredReqSchema, create(ValidateCredReqSchema, { cred: recordedCred }));
    expect(Buffer.from(bytes).toString("hex")).toBe(Buffer.from(expected).toString("hex"));
  });

  test("of 2.6 is found genuine, and not when a bit differs", () => {
    const { token, verifier } = recordedCred;
    checkVerifier(token!, verifier!.data, undefined);
    const other = clone(TokenSchema, token!);
    other.data[5]! ^= 1;
    expect(() => checkVerifier(other, verifier!.data, undefined)).toThrow("does not match");
    expect(() => checkVerifier(token!, verifier!.data.subarray(1), undefined)).toThrow("does not match");
  });
});

describe("a signed credential", () => {
  test("is found genuine by the signer's public key only", async () => {
    const cred = await makeCredential(root, pair.privateKey);
    checkVerifier(cred.token!, cred.verifier!.data, pair.publicKey);
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
    expect(() => checkVerifier(cred.token!, cred.verifier!.data, other.publicKey)).toThrow("does not match");
    expect(cred.verifier!.data.length).toBe(384);
  });

  test("is not genuine when anything of the token changed", async () => {
    const cred = await makeCredential(root, pair.privateKey);
    const size = cred.token!.data.length;
    fc.assert(
      fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const token = clone(TokenSchema, cred.token!);
        token.data[at]! ^= flip;
        expect(() => checkVerifier(token, cred.verifier!.data, pair.publicKey)).toThrow();
      }),
    );
  });

  test("by 2.6's own code is found genuine", () => {
    const { publicKeyPem, token, verifier } = signedBy26;
    const parsed = fromBinary(TokenSchema, Buffer.from(token, "hex"));
    checkVerifier(parsed, Buffer.from(verifier, "hex"), createPublicKey(publicKeyPem));
    expect(readSysToken(parsed).user).toBe("alice@");
  });

  test("asks for an RSA key", async () => {
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await expect(
      makeCredential(root, createPrivateKey(ec.privateKey.export({ type: "pkcs8", format: "pem" }))),
    ).rejects.toThrow("RSA is needed");
    const cred = await makeCredential(root, undefined);
    expect(() => checkVerifier(cred.token!, cred.verifier!.data, ec.publicKey)).toThrow("RSA is needed");
  });
});

describe("the token", () => {
  test("names user and groups as principals", async () => {
    const identity = {
      user: "alice",
      group: "users",
      groups: ["users", "hpc"],
      machineName: "n1",
      securityContext: "ctx",
    };
    const sys = readSysToken((await makeCredential(identity, undefined)).token!);
    expect(sys).toMatchObject({
      stamp: 0n,
      machinename: "n1",
      user: "alice@",
      group: "users@",
      groups: ["users@", "hpc@"],
      secctx: "ctx",
    });
  });

  test("of another flavour, or unreadable, is refused", () => {
    expect(() => readSysToken(create(TokenSchema, { flavor: 0 }))).toThrow("AUTH_SYS");
    const garbled = create(TokenSchema, { flavor: 1, data: new Uint8Array([0xff, 0xff]) });
    expect(() => readSysToken(garbled)).toThrow("cannot be read");
  });

  test("names machines up to the first dot", () => {
    expect(shortHostName("node7.cluster.example")).toBe("node7");
    expect(shortHostName("vm")).toBe("vm");
  });
});
