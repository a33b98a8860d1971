import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { waitFor } from "../support/wait.ts";
import { bringUp, type ClusterSite, createClusterSite, type Host } from "./site.ts";

interface Status {
  readonly leader: string;
  readonly quorum: boolean;
  readonly replicas: readonly {
    readonly addr: string;
    readonly role: string;
    readonly lag: number;
    readonly generation: number;
  }[];
  readonly disk: { readonly database: string; readonly pending: string };
}

/** The `response` of a JSON document of a command; it may have failed by exit status. */
function response<T>(stdout: string): T {
  return (JSON.parse(stdout) as { readonly response: T }).response;
}

async function status(site: ClusterSite, host: Host): Promise<Status> {
  return response((await site.ms(host, "status", "-j")).stdout);
}

/** Waits until `count` replicas lead or follow without lag. */
async function inOrder(site: ClusterSite, host: Host, count: number): Promise<Status> {
  return waitFor(
    `${count} replicas in order`,
    async () => {
      const now = await status(site, host);
      const good = now.replicas.filter(
        ({ role, lag }) => (role === "leader" || role === "follower") && lag === 0,
      );
      return now.quorum && good.length === count ? now : undefined;
    },
    60_000,
  );
}

async function attribute(site: ClusterSite, name: string): Promise<string | undefined> {
  const done = await site.dmg("--json", "system", "get-attr");
  return response<{ attributes: Record<string, string> }>(done.stdout).attributes[name];
}

async function setAttribute(site: ClusterSite, name: string, value: string): Promise<void> {
  const done = await site.dmg("system", "set-attr", `${name}:${value}`);
  expect(done.stderr).toBe("");
}

async function stopAll(site: ClusterSite): Promise<void> {
  await Promise.all(site.hosts.map((host) => host.stop("SIGTERM")));
}

const database = (host: Host): string => path.join(host.folder, "scm", "control_raft");

describe("server ms", () => {
  let site: ClusterSite;
  let one: Host;
  let two: Host;
  let three: Host;
  beforeAll(async () => {
    if (process.getuid?.() !== 0) throw new Error("these tests make network namespaces: run them as root");
    site = await createClusterSite({ servers: 3, replicas: 1 });
    [one, two, three] = site.hosts as [Host, Host, Host];
    await bringUp(site);
  }, 120_000);
  afterAll(() => site?.close(), 60_000);

  test("a system with one replica says so", async () => {
    await setAttribute(site, "born", "single");
    expect(await status(site, one)).toMatchObject({ leader: one.addr, disk: { database: "single" } });
  }, 60_000);

  test("grows to three and keeps what it has", async () => {
    await stopAll(site);
    site.setReplicas(3);
    for (const host of site.hosts) host.start();
    await inOrder(site, one, 3);
    expect(await attribute(site, "born")).toBe("single");
    const query = await site.dmg("--json", "system", "query");
    expect(response<{ members: unknown[] }>(query.stdout).members).toHaveLength(3);
    expect(fs.readdirSync(database(one)).some((name) => name.startsWith("system.sqlite.migrated"))).toBe(
      true,
    );
    expect((await status(site, one)).disk.database).toBe("cluster");
  }, 120_000);

  test("a replica whose database is gone comes back as a learner and votes", async () => {
    await two.stop("SIGKILL");
    fs.rmSync(database(two), { recursive: true });
    two.start();
    const added = await site.ms(one, "add", two.addr, "--timeout", "60");
    expect(added.stdout).toContain("votes (follower)");
    await inOrder(site, one, 3);
  }, 120_000);

  let backup = "";
  test("backs up, and checks the backup without a server", async () => {
    const made = await site.ms(two, "backup", "-j");
    backup = path.join(site.folder, "kept.daosms");
    fs.copyFileSync(response<{ path: string }>(made.stdout).path, backup);
    const checked = await site.ms(three, "backup", "--verify", backup);
    expect(checked.stdout).toContain("is whole: system daos_server");
    const damaged = path.join(site.folder, "damaged.daosms");
    const bytes = fs.readFileSync(backup);
    bytes[bytes.length >> 1] = bytes[bytes.length >> 1]! ^ 0xff;
    fs.writeFileSync(damaged, bytes);
    expect((await site.ms(three, "backup", "--verify", damaged)).status).toBe(1);
  }, 60_000);

  test("is not replaced under a running server", async () => {
    for (const words of [
      ["recover", "-f"],
      ["restore", "-f", "-p", backup],
    ]) {
      const done = await site.ms(one, ...words);
      expect(done.status).toBe(1);
      expect(done.stderr).toContain("is running");
    }
  }, 60_000);

  test("takes a replica out only while a majority is left, and back in", async () => {
    await three.stop("SIGTERM");
    const refused = await site.ms(one, "remove", "-f", two.addr);
    expect(refused.stderr).toContain("no majority");
    three.start();
    await inOrder(site, one, 3);
    const removed = await site.ms(one, "remove", "-f", three.addr);
    expect(removed.stderr).toBe("");
    await inOrder(site, one, 2);
    await three.stop("SIGKILL");
    fs.rmSync(database(three), { recursive: true });
    three.start();
    await inOrder(site, one, 3);
    expect(await attribute(site, "born")).toBe("single");
  }, 120_000);

  test("is recovered from one replica when the others are gone; not twice; the others join again", async () => {
    await setAttribute(site, "last", "acknowledged");
    await inOrder(site, one, 3);
    await stopAll(site);
    const tried = await site.ms(two, "recover", "--dry-run");
    expect(tried.stdout).toContain("on this replica now");
    expect((await site.ms(two, "recover")).stderr).toContain("consent not given");
    const done = await site.ms(two, "recover", "-f");
    expect(done.stdout).toContain("Successfully recovered management service");
    expect((await site.ms(two, "recover", "-f")).stderr).toContain("was replaced at");
    two.start();
    await waitFor(
      "the recovered replica to lead",
      async () => (await status(site, two)).leader === two.addr,
      30_000,
    );
    one.start();
    three.start();
    const now = await inOrder(site, two, 3);
    expect(now.replicas.map(({ generation }) => generation)).toEqual([1, 1, 1]);
    expect(await attribute(site, "last")).toBe("acknowledged");
    expect(fs.readdirSync(database(one)).some((name) => name.startsWith("old-"))).toBe(true);
  }, 120_000);

  test("is restored from a backup, also while the others still run with what is outdated", async () => {
    await one.stop("SIGTERM");
    const tried = response<{ dry_run: boolean }>(
      (await site.ms(one, "restore", "-j", "--dry-run", "-p", backup)).stdout,
    );
    expect(tried.dry_run).toBe(true);
    const done = await site.ms(one, "restore", "-f", "-p", backup);
    expect(done.stdout).toContain("Successfully restored management service");
    one.start();
    const now = await inOrder(site, one, 3);
    expect(now.replicas.map(({ generation }) => generation)).toEqual([2, 2, 2]);
    expect(await attribute(site, "last")).toBeUndefined();
    expect(await attribute(site, "born")).toBe("single");
  }, 120_000);

  test("goes to DAOS 2.6's form and back", async () => {
    const folder = path.join(site.folder, "exported");
    fs.mkdirSync(folder);
    const written = response<{ path: string; ranks: number[] }>(
      (await site.ms(one, "export", "-j", folder)).stdout,
    );
    expect(written.ranks).toEqual([0, 1, 2]);
    await stopAll(site);
    const done = await site.ms(one, "import", "-f", written.path);
    expect(done.stdout).toContain("Successfully imported management service");
    for (const host of site.hosts) host.start();
    await inOrder(site, one, 3);
    expect(await attribute(site, "born")).toBe("single");
    const query = await site.dmg("--json", "system", "query");
    expect(response<{ members: unknown[] }>(query.stdout).members).toHaveLength(3);
  }, 120_000);
});
