import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { aliasesOf, argAliases, resolveCommand } from "../../src/cli/command.ts";
import { command as server } from "../../src/commands/server/index.ts";
import { command as storage } from "../../src/commands/storage/index.ts";
import { chosenKinds, forEachKind } from "../../src/commands/storage/kinds.ts";
import { selfCommand } from "../../src/helper/self.ts";

const table = fs
  .readFileSync(path.join(import.meta.dirname, "../reference/cli-2.6.tsv"), "utf8")
  .split("\n")
  .map((line) => line.split("\t"))
  .filter(([program, words = ""]) => program === "daos_server" && /^(nvme|scm|network)\b/.test(words));

async function resolve(words: string) {
  let found = await resolveCommand(server);
  for (const word of words.split(" ")) {
    const next = found.subCommands[word];
    if (next === undefined) return undefined;
    found = await resolveCommand(next as Parameters<typeof resolveCommand>[0]);
  }
  return found;
}

describe("commands of 2.6 for the storage and network of a host", () => {
  for (const [, words = "", kind, name = "", short = ""] of table) {
    test(`${words} ${kind} ${name}`, async () => {
      const found = await resolve(words);
      expect(found).toBeDefined();
      if (kind === "flag") {
        const flag = found!.args[name];
        expect(flag).toBeDefined();
        if (short !== "") expect(argAliases(flag!)).toContain(short);
      }
      if (kind === "positional") {
        expect(found!.args[name.replaceAll(/[[\]]/g, "")]).toMatchObject({
          type: "positional",
          required: false,
        });
      }
      if (kind === "command" && short !== "") expect(aliasesOf(found!.meta)).toContain(short);
    });
  }
});

async function run(...args: string[]) {
  const child = Bun.spawn([...selfCommand(), ...args], {
    argv0: "daosctl",
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, status: child.exitCode };
}

describe("on this host, whatever it has", () => {
  test("a dry run of nvme prepare prints the plan and changes nothing", async () => {
    const before = fs.readFileSync("/proc/meminfo", "utf8").match(/HugePages_Total:.*/)?.[0];
    const { stdout, status } = await run("server", "nvme", "prepare", "--dry-run", "--ignore-config");
    expect(status).toBe(0);
    expect(stdout).toContain("Controllers:");
    expect(stdout).toContain("Huge pages:");
    expect(stdout).toContain("Steps:");
    expect(fs.readFileSync("/proc/meminfo", "utf8").match(/HugePages_Total:.*/)?.[0]).toBe(before);
  });

  test("the plan is to be had as a document", async () => {
    const { stdout } = await run(
      "server",
      "nvme",
      "prepare",
      "--dry-run",
      "--ignore-config",
      "-p",
      "64",
      "--json",
    );
    const { response, status } = JSON.parse(stdout) as { response: Record<string, unknown>; status: number };
    expect(status).toBe(0);
    expect(Object.keys(response)).toEqual([
      "driver",
      "devices",
      "absent",
      "hugepages",
      "hugepage_size_kb",
      "steps",
    ]);
  });

  test("an address that is none is refused", async () => {
    const { stderr, status } = await run(
      "server",
      "nvme",
      "prepare",
      "--dry-run",
      "--ignore-config",
      "nvme0n1",
    );
    expect(status).toBe(1);
    expect(stderr).toContain(`invalid PCI address "nvme0n1"`);
  });

  test("a scan of NVMe works without SPDK and says so", async () => {
    const { stdout, status } = await run("server", "nvme", "scan", "--skip-prep", "--ignore-config");
    expect(status).toBe(0);
    expect(stdout).toContain("Scan locally-attached NVMe storage...");
  });

  test("preparing PMem where there is none is fault 211, or 1 without libipmctl", async () => {
    const bus = "/sys/bus/nd/devices";
    if (fs.existsSync(bus) && fs.readdirSync(bus).length > 0) return;
    const { stderr, status } = await run("server", "scm", "prepare", "--force", "--ignore-config");
    expect(status).toBe(1);
    expect(stderr).toMatch(/code = (211|1) description/);
  });

  test("without consent nothing is done", async () => {
    const { stderr, status } = await run("server", "scm", "reset", "--ignore-config");
    expect(status).toBe(1);
    expect(stderr).toContain("consent not given");
    expect((await run("server", "scm", "reset", "--ignore-config", "--json")).stderr).toContain(
      "JSON output only supported with force option",
    );
  });

  test("a network scan of one provider shows no other", async () => {
    const { stdout, status } = await run(
      "server",
      "network",
      "scan",
      "-p",
      "ofi+tcp",
      "--json",
      "--ignore-config",
    );
    expect(status).toBe(0);
    const { response } = JSON.parse(stdout) as {
      response: Record<string, { HostFabric: { Providers: string[] } }>;
    };
    for (const { HostFabric } of Object.values(response)) {
      for (const provider of HostFabric.Providers) expect(provider).toStartWith("ofi+tcp");
    }
  });
});

describe("daosctl storage", () => {
  test("has prepare, reset and scan", async () => {
    const { subCommands } = await resolveCommand(storage);
    expect(Object.keys(subCommands)).toEqual(["prepare", "reset", "scan"]);
  });
  test("takes a kind of storage or both", () => {
    expect(chosenKinds(undefined)).toEqual(["scm", "nvme"]);
    expect(chosenKinds("nvme")).toEqual(["nvme"]);
    expect(() => chosenKinds("tape")).toThrow(`"tape" is no kind of storage`);
  });
  test("goes on with one kind when the other fails, and fails when both do", async () => {
    const done = await forEachKind(["scm", "nvme"], async (kind) => {
      if (kind === "scm") throw new Error("no PMem");
      return 5;
    });
    expect(done).toEqual({ nvme: 5 });
    const none = forEachKind(["scm", "nvme"], async (kind) => Promise.reject(new Error(kind)));
    await expect(none).rejects.toThrow("scm");
  });
});
