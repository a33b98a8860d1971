import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { daosctl, run } from "../support/daosctl.ts";
import { allJoined, createSite, members, processesWith, type Site } from "../support/site.ts";
import { waitFor } from "../support/wait.ts";

/** The README's steps by hand, on the executable, over mutual TLS, three servers. */
describe("a system brought up by hand", () => {
  let site: Site;
  beforeAll(async () => {
    site = await createSite({ servers: 3 });
  });
  afterAll(() => site.close());

  test("says that storage must be formatted, and refuses to answer for a system until then", async () => {
    for (const server of site.servers) server.start();
    for (const server of site.servers) {
      await waitFor(
        "the words",
        () => /(SCM|Metadata) format required on instance 0/.test(server.log()),
        20_000,
      );
    }
    const queried = await site.dmg("system", "query");
    expect(queried.status).toBe(1);
    expect(queried.stderr).toContain("system is uninitialized (storage format required?)");
    const scanned = await site.dmg("storage", "scan");
    expect(scanned.stderr).toBe("");
    expect(scanned.status).toBe(0);
  });

  test("formats, and every rank joins by itself", async () => {
    const formatted = await site.dmg("storage", "format");
    expect(formatted.stderr).toBe("");
    expect(formatted.status).toBe(0);
    await allJoined(site);
    const found = await members(site);
    expect(found.map((member) => member.rank).sort()).toEqual([0, 1, 2]);
    const text = await site.dmg("system", "query");
    expect(text.stdout).toMatch(/\[?0-2\]?\s+Joined/);
    const verbose = await site.dmg("system", "query", "-v");
    for (const server of site.servers) expect(verbose.stdout).toContain(`127.0.0.1:${server.port}`);
  });

  test("makes, lists, queries and destroys a pool", async () => {
    const created = await site.dmg("pool", "create", "--size", "1G", "tank");
    expect(created.stderr).toBe("");
    expect(created.status).toBe(0);
    expect((await site.dmg("pool", "list")).stdout).toContain("tank");
    const pool = await site.dmgJson<{ state: string; total_engines: number }>("pool", "query", "tank");
    expect(pool).toMatchObject({ state: "Ready", total_engines: 3 });
    const again = await site.dmg("pool", "create", "--size", "1G", "tank");
    expect(again.status).toBe(1);
    expect(again.stderr).toContain("code = 609");
    expect((await site.dmg("pool", "destroy", "tank")).status).toBe(0);
    expect(await site.dmgJson<{ pools: unknown }>("pool", "list")).toMatchObject({ pools: null });
  });

  test("shows a killed engine within seconds, with the reason", async () => {
    const [victim] = site.servers.slice(-1);
    const [pid] = processesWith("engine", `${victim!.folder}/scm`);
    process.kill(pid!, "SIGKILL");
    const shown = await waitFor(
      "the killed rank",
      async () => (await members(site)).find((member) => member.state !== "joined"),
      5_000,
    );
    expect(["errored", "excluded"]).toContain(shown.state);
    const errored = await waitFor(
      "the reason",
      async () => (await members(site)).find((member) => /kill/i.test(member.info)),
      5_000,
    );
    expect(errored.addr).toBe(`127.0.0.1:${victim!.port}`);
  });

  test("stops in order and leaves no process behind", async () => {
    for (const server of site.servers) expect(await server.signal("SIGTERM")).toBe(0);
    await waitFor("every process to be gone", () => processesWith(site.folder).length === 0, 10_000);
    for (const server of site.servers) {
      expect(fs.existsSync(path.join(server.folder, "run", "daos_server.sock"))).toBe(false);
    }
  });

  test("comes back with what it had", async () => {
    for (const server of site.servers) server.start();
    await allJoined(site);
    expect((await site.dmg("pool", "create", "--size", "1G", "again")).status).toBe(0);
    expect((await site.dmg("pool", "list")).stdout).toContain("again");
  });
});

describe("the executable", () => {
  test("is the program whose name it is called by", async () => {
    const site = await createSite();
    try {
      const link = (name: string) => {
        const file = path.join(site.folder, name);
        const [program, ...args] = daosctl();
        if (args.length === 0) fs.symlinkSync(program!, file);
        return args.length === 0 ? [file] : undefined;
      };
      for (const [name, said] of [
        ["dmg", "DAOS Admin Tool version 2.6.0"],
        ["daos_server", "DAOS Control Server version 2.6.0"],
        ["daos_agent", "DAOS Agent version 2.6.0"],
      ] as const) {
        const program = link(name);
        if (program === undefined) return; // run from the sources: there is no executable to link to
        const done = await run([...program, "version"]);
        expect(done.stdout.toLowerCase()).toContain(said.toLowerCase());
        expect(done.status).toBe(0);
      }
    } finally {
      await site.close();
    }
  });

  test("reads no .env and no bunfig.toml of the folder it is started in", async () => {
    const site = await createSite();
    try {
      fs.writeFileSync(
        path.join(site.folder, ".env"),
        "DAOSCTL_CONTROL_CONFIG=/nonexistent/from-dotenv.yml\n",
      );
      fs.writeFileSync(path.join(site.folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
      fs.writeFileSync(path.join(site.folder, "evil.ts"), 'console.log("preloaded");\n');
      const done = await run(daosctl("--version"), { cwd: site.folder });
      if (process.env["DAOSCTL"] !== undefined) expect(done.stdout).not.toContain("preloaded");
      expect(done.stdout).toContain("daosctl");
    } finally {
      await site.close();
    }
  });
});
