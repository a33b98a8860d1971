import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { daosctl } from "../support/daosctl.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "daosctl-cert-"));
  expect((await run("cert", "init", dir)).code).toBe(0);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function run(...args: string[]) {
  const child = Bun.spawn(daosctl(...args), { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}
async function json(...args: string[]) {
  const { out, code } = await run(...args, "--json");
  return { document: JSON.parse(out), code };
}

describe("daosctl cert", () => {
  test("check finds a fresh set good, and says so in JSON", async () => {
    const { document, code } = await json("cert", "check", dir);
    expect(code).toBe(0);
    expect(document.status).toBe(0);
    expect(document.response.checked.map(({ name }: { name: string }) => name)).toEqual([
      "CA key",
      "server",
      "agent",
      "admin",
    ]);
  });

  test("check of configurations tells every problem, and exits 1", async () => {
    const config = join(dir, "daos_agent.yml");
    const certs = join(dir, "daosCA", "certs");
    await writeFile(
      config,
      `access_points: ['a']\ntransport_config:\n  ca_cert: ${certs}/daosCA.crt\n  cert: ${certs}/server.crt\n  key: ${certs}/admin.key\n`,
    );
    const { out, err, code } = await run("cert", "check", "--agent", config);
    expect(code).toBe(1);
    expect(out).toContain('bears the name "server", an agent needs "agent"');
    expect(out).toContain("is not the key of");
    expect(err).toContain("problem");
    expect((await json("cert", "check", "--agent", config)).code).toBe(1);
  });

  test("issue makes a certificate with names, or for a request, and replaces nothing unasked", async () => {
    const out = join(dir, "out");
    await Bun.$`mkdir -p ${out}`.quiet();
    const args = ["cert", "issue", "server", "--dir", dir, "--out", out, "--host", "n1.example,10.0.0.1"];
    expect((await run(...args, "--dry-run")).out).toContain("would write");
    expect(await readdir(out)).toEqual([]);
    expect((await run(...args)).code).toBe(0);
    expect((await stat(join(out, "server.key"))).mode & 0o777).toBe(0o400);
    const shown = (await json("cert", "show", join(out, "server.crt"))).document.response.certificates[0];
    expect(shown.hostNames).toEqual(["DNS:n1.example", "IP Address:10.0.0.1"]);
    expect(shown.daysLeft).toBeGreaterThan(1000);
    const again = await run(...args);
    expect(again.code).toBe(1);
    expect(again.err).toContain("--force");
  });

  test("renew and rotate-ca say what they would do, and do it", async () => {
    const before = await readFile(join(dir, "daosCA", "certs", "admin.crt"), "utf8");
    const plan = (await json("cert", "renew", dir, "admin", "--dry-run")).document.response;
    expect(plan.dryRun).toBe(true);
    expect(await readFile(join(dir, "daosCA", "certs", "admin.crt"), "utf8")).toBe(before);
    expect((await run("cert", "renew", dir, "admin")).code).toBe(0);
    expect(await readFile(join(dir, "daosCA", "certs", "admin.crt"), "utf8")).not.toBe(before);
    for (const step of ["begin", "issue", "finish"]) {
      const { code, out } = await run("cert", "rotate-ca", step, dir);
      expect(code).toBe(0);
      expect(out).toContain("Copy");
      expect((await run("cert", "check", dir)).code).toBe(0);
    }
    expect((await run("cert", "rotate-ca", "finish", dir)).code).toBe(1);
  }, 30_000);

  test("refuses a CA key that others can read", async () => {
    const key = join(dir, "daosCA", "private", "daosCA.key");
    await chmod(key, 0o640);
    const { code, err } = await run("cert", "renew", dir);
    expect(code).toBe(1);
    expect(err).toContain("0640");
    await chmod(key, 0o400);
  });

  test("join refuses what is no token without repeating it", async () => {
    const { code, err, out } = await run(
      "cert",
      "join",
      "--server",
      "localhost",
      "--token",
      "hunter2",
      "--out",
      join(dir, "j"),
    );
    expect(code).toBe(1);
    expect(err + out).not.toContain("hunter2");
  });
});
