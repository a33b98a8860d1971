import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../../src/faults/fault.ts";
import {
  type CertificateFiles,
  issueCertificate,
  makeAuthority,
  makeCertificates,
} from "../../src/security/certificates.ts";
import { inspectCertificate } from "../../src/security/facts.ts";
import type { Component } from "../../src/security/roles.ts";
import { loadTransportSecurity } from "../../src/security/tls.ts";

let dir: string;
let files: CertificateFiles;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "daosctl-certs-"));
  files = await makeCertificates(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const components: readonly Component[] = ["server", "agent", "admin"];
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe("the certificates that are made", () => {
  test("lie where DAOS's script puts them, with its permissions", async () => {
    expect(await modeOf(files.home)).toBe(0o700);
    expect(await modeOf(join(files.home, "private"))).toBe(0o700);
    expect(await modeOf(join(files.home, "certs"))).toBe(0o755);
    expect(await modeOf(files.clientCertDir)).toBe(0o755);
    expect(await modeOf(files.caKey)).toBe(0o400);
    expect(await modeOf(files.caCert)).toBe(0o644);
    for (const component of components) {
      expect(await modeOf(files.key[component])).toBe(0o400);
      expect(await modeOf(files.cert[component])).toBe(0o644);
    }
    expect((await readdir(files.clientCertDir)).sort()).toEqual(["admin.crt", "agent.crt"]);
    expect(await readdir(dir)).toEqual(["daosCA"]);
  });

  test("bear the component's name, RSA 3072, and are good for three years", async () => {
    for (const component of components) {
      const facts = inspectCertificate(files.cert[component], await readFile(files.cert[component], "utf8"));
      expect(facts).toMatchObject({ commonName: component, keyType: "rsa", keyBits: 3072 });
      const days = (facts.notAfter.getTime() - facts.notBefore.getTime()) / 86_400_000;
      expect(days).toBe(1095);
    }
  });

  test("may be used for what the component does and no more", async () => {
    const clientAuth = "1.3.6.1.5.5.7.3.2";
    const serverAuth = "1.3.6.1.5.5.7.3.1";
    const uses = async (c: Component) => new X509Certificate(await readFile(files.cert[c])).keyUsage?.sort();
    expect(await uses("agent")).toEqual([clientAuth]);
    expect(await uses("admin")).toEqual([clientAuth]);
    expect(await uses("server")).toEqual([serverAuth, clientAuth]);
  });

  test("are signed by the CA, which may sign", async () => {
    const ca = new X509Certificate(await readFile(files.caCert));
    expect(ca.ca).toBe(true);
    for (const component of components) {
      const cert = new X509Certificate(await readFile(files.cert[component]));
      expect(cert.ca).toBe(false);
      expect(cert.checkIssued(ca) && cert.verify(ca.publicKey)).toBe(true);
    }
  });

  test("never replace those that are there", async () => {
    const before = await readFile(files.caCert);
    await expect(makeCertificates(dir)).rejects.toThrow("already exists");
    expect(await readFile(files.caCert)).toEqual(before);
  });
});

describe("loading certificates", () => {
  const config = (component: Component, change: Partial<Record<"caCert" | "cert" | "key", string>> = {}) => ({
    allowInsecure: false,
    caCert: files.caCert,
    cert: files.cert[component],
    key: files.key[component],
    ...change,
  });
  const faultOf = async (work: Promise<unknown>): Promise<Fault> => {
    const caught = await work.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(caught).toBeInstanceOf(Fault);
    return caught as Fault;
  };
  /** A copy of a file that a test may spoil. */
  const spoil = async (path: string, mode: number): Promise<string> => {
    const folder = await mkdtemp(join(dir, "spoiled-"));
    const copy = join(folder, "file.pem");
    await copyFile(path, copy);
    await chmod(copy, mode);
    return copy;
  };

  test("accepts what was made, for each component", async () => {
    for (const component of components) {
      const security = await loadTransportSecurity(config(component), component);
      expect(security).toMatchObject({ insecure: false, certPath: files.cert[component], clientCertDir: "" });
    }
  });

  test("looks at no file when running insecure", async () => {
    const nothing = { allowInsecure: true, caCert: "/none", cert: "/none", key: "/none" };
    expect(await loadTransportSecurity(nothing, "server")).toEqual({ insecure: true });
  });

  test("names the file that is missing (901)", async () => {
    for (const what of ["caCert", "cert", "key"] as const) {
      const fault = await faultOf(
        loadTransportSecurity(config("admin", { [what]: "/nowhere/x.pem" }), "admin"),
      );
      expect(fault.code).toBe(901);
      expect(fault.message).toContain("/nowhere/x.pem");
    }
  });

  test("refuses a key that others may read (902), and says how to mend it", async () => {
    for (const [component, mode, ok] of [
      ["server", 0o440, false],
      ["agent", 0o600, false],
      ["admin", 0o440, true],
      ["admin", 0o444, false],
      ["server", 0o400, true],
    ] as const) {
      const key = await spoil(files.key[component], mode);
      const load = loadTransportSecurity(config(component, { key }), component);
      if (ok) await load;
      else {
        const fault = await faultOf(load);
        expect(fault.code).toBe(902);
        expect(fault.description).toContain(`insecure permissions 0${mode.toString(8)} (suggested: 0`);
        expect(fault.resolution).toContain(`chmod 0${component === "admin" ? "440" : "400"} ${key}`);
      }
    }
  });

  test("refuses a certificate that others may write (902)", async () => {
    const cert = await spoil(files.cert.admin, 0o666);
    expect((await faultOf(loadTransportSecurity(config("admin", { cert }), "admin"))).code).toBe(902);
  });

  test("refuses a folder in place of a file (902)", async () => {
    const fault = await faultOf(loadTransportSecurity(config("admin", { cert: dir }), "admin"));
    expect(fault.code).toBe(902);
  });

  test("refuses what is no certificate, and what is no key (903)", async () => {
    const cert = await spoil(files.cert.admin, 0o644);
    await writeFile(cert, "hello\n");
    expect((await faultOf(loadTransportSecurity(config("admin", { cert }), "admin"))).code).toBe(903);
    const key = await spoil(files.key.admin, 0o600);
    await writeFile(key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    await chmod(key, 0o400);
    const fault = await faultOf(loadTransportSecurity(config("admin", { key }), "admin"));
    expect(fault.code).toBe(903);
    expect(fault.description).toContain(key);
  });

  test("refuses a key of another certificate (903)", async () => {
    const fault = await faultOf(loadTransportSecurity(config("admin", { key: files.key.agent }), "admin"));
    expect(fault.code).toBe(903);
    expect(fault.reason).toContain(files.key.agent);
  });

  test("refuses a certificate of another CA, expired, or not yet valid (903)", async () => {
    const rogue = await makeAuthority();
    const now = Date.now();
    const late = { notBefore: new Date(now - 10 * 86_400_000), days: 5 };
    const early = { notBefore: new Date(now + 86_400_000), days: 5 };
    const cases = [
      ["unknown authority", await issueCertificate(rogue, "admin"), undefined],
      ["it ended on", await issueCertificate(rogue, "admin", late), rogue],
      ["it begins on", await issueCertificate(rogue, "admin", early), rogue],
    ] as const;
    for (const [why, issued, authority] of cases) {
      const folder = await mkdtemp(join(dir, "made-"));
      await writeFile(join(folder, "c.crt"), issued.certPem);
      await writeFile(join(folder, "c.key"), issued.keyPem, { mode: 0o400 });
      let caCert = files.caCert;
      if (authority !== undefined) {
        caCert = join(folder, "ca.crt");
        await writeFile(caCert, authority.cert.toString("pem"));
      }
      const change = { caCert, cert: join(folder, "c.crt"), key: join(folder, "c.key") };
      const fault = await faultOf(loadTransportSecurity(config("admin", change), "admin"));
      expect(fault.code).toBe(903);
      expect(fault.description).toContain(join(folder, "c.crt"));
      expect(fault.reason).toContain(why);
    }
  });

  test("names a client_cert_dir that is missing (901) or is no folder (902)", async () => {
    const withDir = (clientCertDir: string) =>
      loadTransportSecurity({ ...config("server"), clientCertDir }, "server");
    expect((await faultOf(withDir(join(dir, "nowhere")))).code).toBe(901);
    expect((await faultOf(withDir(files.caCert))).code).toBe(902);
    await withDir(files.clientCertDir);
  });
});

describe("what others make of them", () => {
  const openssl = Bun.which("openssl");
  test.skipIf(openssl === null)("openssl verifies each for its purpose", async () => {
    const verify = (purpose: string, component: Component) =>
      Bun.spawnSync([openssl!, "verify", "-purpose", purpose, "-CAfile", files.caCert, files.cert[component]])
        .exitCode;
    expect(verify("sslserver", "server")).toBe(0);
    expect(verify("sslclient", "server")).toBe(0);
    expect(verify("sslclient", "admin")).toBe(0);
    expect(verify("sslclient", "agent")).toBe(0);
    expect(verify("sslserver", "agent")).not.toBe(0);
  });

  test("keys are PKCS#8 that node reads", async () => {
    const key: KeyObject = createPrivateKey(await readFile(files.key.agent));
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(3072);
  });
});
