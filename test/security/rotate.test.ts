import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPublicKey, X509Certificate } from "node:crypto";
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CertificateFiles,
  certificateFiles,
  makeCertificates,
} from "../../src/security/certificates.ts";
import { checkCertificateFiles } from "../../src/security/check.ts";
import { factsOf } from "../../src/security/facts.ts";
import { findCertificates } from "../../src/security/folder.ts";
import { parseAll } from "../../src/security/load.ts";
import {
  beginRotation,
  finishRotation,
  issueRotation,
  renewCertificates,
  rotationState,
} from "../../src/security/rotate.ts";
import { failureOf } from "../support/wait.ts";

let dir: string;
let pristine: CertificateFiles;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "daosctl-rotate-"));
  pristine = await makeCertificates(join(dir, "pristine"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

let count = 0;
/** A set of one's own. */
async function aSet(): Promise<CertificateFiles> {
  const folder = join(dir, `set-${++count}`);
  await cp(pristine.home, join(folder, "daosCA"), { recursive: true });
  return certificateFiles(folder);
}

const cert = async (path: string) => new X509Certificate(await readFile(path));
const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const problemsOf = async (files: CertificateFiles) => {
  const roles = ["server", "agent", "admin"] as const;
  const results = await Promise.all(
    roles.map((role) =>
      checkCertificateFiles(
        {
          allowInsecure: false,
          caCert: files.caCert,
          cert: files.cert[role],
          key: files.key[role],
          clientCertDir: files.clientCertDir,
        },
        role,
      ),
    ),
  );
  return results.flatMap(({ problems }) => problems);
};

describe("renewing", () => {
  test("keeps the key, and replaces the certificate and its copy for servers", async () => {
    const files = await aSet();
    const before = await cert(files.cert.agent);
    await renewCertificates(files, ["agent"], { days: 10, hostNames: ["node1.example", "10.0.0.7"] });
    const after = await cert(files.cert.agent);
    expect(after.serialNumber).not.toBe(before.serialNumber);
    expect(after.publicKey.equals(before.publicKey)).toBe(true);
    expect(after.subjectAltName).toBe("DNS:node1.example, IP Address:10.0.0.7");
    expect(await readFile(join(files.clientCertDir, "agent.crt"), "utf8")).toBe(
      await readFile(files.cert.agent, "utf8"),
    );
    expect(await problemsOf(files)).toEqual([]);
    // Names are kept unless others are given.
    await renewCertificates(files, ["agent"]);
    expect((await cert(files.cert.agent)).subjectAltName).toContain("node1.example");
  });

  test("with a new key leaves the old certificate for servers to verify by", async () => {
    const files = await aSet();
    const before = await readFile(files.cert.agent, "utf8");
    await renewCertificates(files, ["agent"], { newKey: true });
    expect(await readFile(join(files.clientCertDir, "agent.previous.crt"), "utf8")).toBe(before);
    expect((await cert(files.cert.agent)).publicKey.equals(new X509Certificate(before).publicKey)).toBe(
      false,
    );
    expect(await mode(files.key.agent)).toBe("400");
    expect(await problemsOf(files)).toEqual([]);
  });

  test("as a dry run names every file and touches none", async () => {
    const files = await aSet();
    const before = (await readdir(files.home, { recursive: true })).sort();
    const was = await readFile(files.cert.server, "utf8");
    const plan = await renewCertificates(files, ["server", "admin"], { newKey: true, dryRun: true });
    expect(plan.map(({ path }) => path)).toContain(files.cert.server);
    expect(plan.filter(({ action }) => action === "replace").length).toBeGreaterThan(3);
    expect((await readdir(files.home, { recursive: true })).sort()).toEqual(before);
    expect(await readFile(files.cert.server, "utf8")).toBe(was);
  });

  test("never makes a certificate that outlives its CA", async () => {
    const files = await aSet();
    await renewCertificates(files, ["admin"], { days: 36_500 });
    const [ca] = parseAll(files.caCert, await readFile(files.caCert, "utf8"));
    expect((await cert(files.cert.admin)).validTo).toBe(ca!.validTo);
  });
});

describe("rotating the CA", () => {
  test("goes through its three steps, each certificate good at every one", async () => {
    const files = await aSet();
    expect(await rotationState(files)).toBe("idle");
    await beginRotation(files);
    expect(await rotationState(files)).toBe("begun");
    expect(
      parseAll(files.caCert, await readFile(files.caCert, "utf8")).map((ca) => factsOf(ca).commonName),
    ).toEqual(["DAOS CA", "DAOS CA 2"]);
    expect(await problemsOf(files)).toEqual([]);
    const key = (await cert(files.cert.server)).publicKey;
    await issueRotation(files);
    expect(await rotationState(files)).toBe("issued");
    expect(await problemsOf(files)).toEqual([]);
    expect((await cert(files.cert.server)).publicKey.equals(key)).toBe(true);
    await finishRotation(files);
    expect(await rotationState(files)).toBe("idle");
    expect(await problemsOf(files)).toEqual([]);
    expect((await cert(files.caCert)).subject).toContain("DAOS CA 2");
    expect((await readdir(join(files.home, "private"))).sort()).toEqual(["daosCA.key"]);
    expect(await mode(files.caKey)).toBe("400");
  });

  test("refuses a step out of turn, and says which is next", async () => {
    const files = await aSet();
    expect((await failureOf(issueRotation(files))).message).toContain("rotate-ca begin");
    expect((await failureOf(finishRotation(files))).message).toContain("rotate-ca begin");
    await beginRotation(files);
    expect((await failureOf(beginRotation(files))).message).toContain("rotate-ca issue");
  });

  test("as a dry run changes nothing", async () => {
    const files = await aSet();
    const was = await readFile(files.caCert, "utf8");
    expect((await beginRotation(files, { dryRun: true })).length).toBe(2);
    expect(await rotationState(files)).toBe("idle");
    expect(await readFile(files.caCert, "utf8")).toBe(was);
  });
});

describe("checking", () => {
  const check = (files: CertificateFiles, role: "server" | "agent" | "admin", change: object = {}) =>
    checkCertificateFiles(
      {
        allowInsecure: false,
        caCert: files.caCert,
        cert: files.cert[role],
        key: files.key[role],
        clientCertDir: files.clientCertDir,
        ...change,
      },
      role,
    );

  test("tells every problem at once", async () => {
    const files = await aSet();
    await chmod(files.key.server, 0o644);
    await writeFile(join(files.clientCertDir, "bad.crt"), "no certificate");
    const { problems } = await check(files, "server", { cert: files.cert.agent });
    const text = problems.join("\n");
    expect(text).toContain("insecure permissions 0644");
    expect(text).toContain('bears the name "agent", a server needs "server"');
    expect(text).toContain("serverAuth");
    expect(text).toContain("bad.crt");
  });

  test("finds a key of another certificate, and a CA that did not issue it", async () => {
    const files = await aSet();
    const other = await makeCertificates(join(dir, "other"));
    expect((await check(files, "agent", { key: files.key.server })).problems.join()).toContain(
      "is not the key of",
    );
    expect((await check(files, "agent", { caCert: other.caCert })).problems.join()).toContain(
      "was not issued by",
    );
  });

  test("warns from thirty days before the end", async () => {
    const files = await makeCertificates(join(dir, "short"), { days: 29 });
    const { problems, warnings } = await check(files, "admin");
    expect(problems).toEqual([]);
    expect(warnings.join()).toContain("expires in 28 days");
    expect((await check(await aSet(), "admin")).warnings).toEqual([]);
  });

  test("finds what has expired", async () => {
    const files = await makeCertificates(join(dir, "old"), {
      notBefore: new Date(Date.now() - 10 * 86_400_000),
      days: 5,
    });
    const text = (await check(files, "agent")).problems.join("\n");
    expect(text).toContain("agent.crt has expired on");
    expect(text).toContain('CA "DAOS CA"');
  });

  test("says that a folder without certificates has none", async () => {
    expect((await failureOf(findCertificates(join(dir, "nothing")))).message).toContain("was not found");
    expect((await findCertificates(pristine.home)).caCert).toBe(pristine.caCert);
    expect((await findCertificates(join(dir, "pristine"))).caCert).toBe(pristine.caCert);
  });
});

/** A CA as DAOS's own script has openssl make it, its key in the form of openssl 1 or 3. */
async function scriptsOwn(folder: string, traditional: boolean): Promise<CertificateFiles> {
  const files = certificateFiles(folder);
  await Bun.$`mkdir -p ${join(files.home, "private")} ${files.clientCertDir}`.quiet();
  const flag = traditional ? ["-traditional"] : [];
  await Bun.$`openssl genrsa ${flag} -out ${files.caKey} 3072`.quiet();
  await chmod(files.caKey, 0o400);
  const config = join(folder, "ca.cnf");
  await writeFile(
    config,
    `[req]
prompt = no
distinguished_name = dn
x509_extensions = ext
[dn]
O = DAOS
CN = DAOS CA
[ext]
keyUsage = critical,digitalSignature,nonRepudiation,keyEncipherment,keyCertSign
basicConstraints = critical,CA:true,pathlen:1
`,
  );
  await Bun.$`openssl req -new -x509 -config ${config} -days 365 -sha512 -key ${files.caKey} -out ${files.caCert}`.quiet();
  return files;
}

describe.skipIf(Bun.which("openssl") === null)("beside openssl", () => {
  for (const traditional of [false, true]) {
    const form = traditional ? "PKCS#1" : "PKCS#8";
    test(`a CA made with it (key in ${form}) signs for us, and it agrees`, async () => {
      const files = await scriptsOwn(join(dir, `script-${traditional}`), traditional);
      expect((await readFile(files.caKey, "utf8")).startsWith("-----BEGIN RSA")).toBe(traditional);
      for (const role of ["server", "agent", "admin"] as const) {
        await cp(pristine.key[role], files.key[role]);
      }
      await renewCertificates(files, ["server", "agent", "admin"]);
      expect(await problemsOf(files)).toEqual([]);
      // openssl forgives a name in another string type; Go, and so every 2.6 program, compares bytes.
      const issuer =
        await Bun.$`openssl x509 -in ${files.cert.server} -noout -issuer -nameopt show_type`.text();
      const subject = await Bun.$`openssl x509 -in ${files.caCert} -noout -subject -nameopt show_type`.text();
      expect(issuer.replace("issuer", "")).toBe(subject.replace("subject", ""));
      expect(issuer).toContain("UTF8STRING");
      await Bun.$`openssl verify -CAfile ${files.caCert} -purpose sslserver ${files.cert.server}`.quiet();
      await Bun.$`openssl verify -CAfile ${files.caCert} -purpose sslclient ${files.cert.agent}`.quiet();
      await beginRotation(files);
      await issueRotation(files);
      await Bun.$`openssl verify -CAfile ${files.caCert} -purpose sslclient ${files.cert.admin}`.quiet();
      expect(await problemsOf(files)).toEqual([]);
    }, 20_000);
  }

  test("our CA signs a request of openssl's, for the key it holds", async () => {
    const folder = join(dir, "requests");
    await Bun.$`mkdir -p ${folder}`.quiet();
    const [key, csr, out] = [join(folder, "k.pem"), join(folder, "r.csr"), join(folder, "c.pem")];
    await Bun.$`openssl req -new -newkey rsa:3072 -nodes -keyout ${key} -subj /O=Evil/CN=server -out ${csr}`.quiet();
    const { loadAuthority } = await import("../../src/security/authority.ts");
    const { certify } = await import("../../src/security/certificates.ts");
    const { requestedKey } = await import("../../src/security/request.ts");
    const authority = await loadAuthority(pristine.caCert, pristine.caKey);
    const pem = await certify(authority, "agent", await requestedKey(await readFile(csr, "utf8")), {
      node: "n1",
    });
    await writeFile(out, pem);
    await Bun.$`openssl verify -CAfile ${pristine.caCert} -purpose sslclient ${out}`.quiet();
    const issued = new X509Certificate(pem);
    expect(issued.subject).toBe("O=DAOS\nOU=n1\nCN=agent");
    expect(issued.publicKey.equals(createPublicKey(await readFile(key)))).toBe(true);
  }, 20_000);

  test("a key that is locked, or not RSA, is refused in words", async () => {
    const { loadAuthority } = await import("../../src/security/authority.ts");
    const locked = join(dir, "locked.key");
    await Bun.$`openssl rsa -in ${pristine.caKey} -aes256 -passout pass:secret -out ${locked}`.quiet();
    await chmod(locked, 0o400);
    expect((await failureOf(loadAuthority(pristine.caCert, locked))).message).toContain("passphrase");
    const ec = join(dir, "ec.key");
    await Bun.$`openssl ecparam -name prime256v1 -genkey -noout -out ${ec}`.quiet();
    await chmod(ec, 0o400);
    expect((await failureOf(loadAuthority(pristine.caCert, ec))).message).toContain("RSA");
  });
});
