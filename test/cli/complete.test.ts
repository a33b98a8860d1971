/** Completion, from the definitions of the commands and from a live system. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { resolveCommand } from "../../src/cli/command.ts";
import { type Candidate, complete, type ValueRequest } from "../../src/cli/complete.ts";
import { programTree } from "../../src/cli/programs.ts";
import { dmgValues } from "../../src/commands/dmg/complete.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";
import { waitFor } from "../support/wait.ts";

const none = async () => [];

async function words(program: string, ...line: string[]): Promise<string[]> {
  const found = await complete(await resolveCommand(await programTree(program)), line, none);
  return found.map(({ word }) => word);
}

describe("commands and flags", () => {
  test("the programs, of daosctl", async () => {
    expect(await words("daosctl", "")).toContain("lab");
    expect(await words("daosctl", "d")).toEqual(["dmg"]);
  });

  test("commands that begin as typed, also under an alias", async () => {
    expect(await words("dmg", "pool", "qu")).toEqual(["query", "query-targets"]);
    expect(await words("dmg", "sys", "lea")).toEqual(["leader-query"]);
    expect(await words("daosctl", "dmg", "sys", "lea")).toEqual(["leader-query"]);
  });

  test("a hidden command is not offered", async () => {
    expect(await words("dmg", "man")).toEqual([]);
  });

  test("flags of the command and the global ones", async () => {
    expect(await words("dmg", "system", "query", "--")).toEqual(
      expect.arrayContaining(["--ranks", "--verbose", "--json", "--help"]),
    );
    expect(await words("dmg", "system", "query", "--not")).toEqual(["--not-ok"]);
  });

  test("a flag's value does not count as a command", async () => {
    expect(await words("dmg", "-o", "pool", "sys", "era")).toEqual(["erase"]);
    expect(await words("dmg", "--config-path=pool", "sys", "era")).toEqual(["erase"]);
  });

  test("after -- flags are no flags", async () => {
    expect(await words("dmg", "pool", "query", "--", "--v")).toEqual([]);
  });

  test("nothing for a word that is none", async () => {
    expect(await words("dmg", "nonsense", "")).toEqual([]);
    expect(await words("dmg", "--nonsense=")).toEqual([]);
  });

  test("the words a value can be", async () => {
    expect(await words("daosctl", "completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  test("any words at all are taken, and only longer ones given", async () => {
    const root = await resolveCommand(await programTree("dmg"));
    const piece = fc.oneof(
      fc.constantFrom("pool", "system", "query", "-o", "--ranks", "--ranks=", "-", "--", "=", "-r0", ""),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (line) => {
        const typed = line.at(-1) ?? "";
        for (const { word } of await complete(root, line, none)) expect(word).toStartWith(typed);
      }),
      { numRuns: 60 },
    );
  });
});

/** A management service of three ranks and two pools. */
let server: RpcServer;
let folder: string;
let config: string;

beforeAll(async () => {
  const members = [0, 1, 2].map((rank) => ({ rank, addr: `10.0.0.${rank}:10001`, state: "joined" }));
  const pools = ["tank", "tub"].map((label, at) => ({
    label,
    uuid: `00000000-0000-4000-8000-00000000000${at}`,
  }));
  server = await serveRpc({
    services: [
      rpcService(MgmtSvc, {
        systemQuery: { roles: ["admin"], handle: () => ({ members, dataVersion: 1n }) },
        listPools: { roles: ["admin"], handle: () => ({ pools, dataVersion: 1n }) },
      }),
    ],
    transport: { insecure: true },
    listen: [{ host: "127.0.0.1", port: 0 }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  folder = mkdtempSync(path.join(tmpdir(), "daosctl-complete-"));
  config = path.join(folder, "control.yml");
  writeFileSync(
    config,
    `hostlist: ["127.0.0.1:${server.port}"]\nport: ${server.port}\ntransport_config:\n  allow_insecure: true\n`,
  );
});

afterAll(async () => {
  await server.close(0);
  rmSync(folder, { recursive: true, force: true });
});

const request = (path: string, hint: string, typed: string): ValueRequest => ({
  path: path.split(" "),
  hint,
  typed,
  args: { "config-path": config },
});
const ofDmg = async (path: string, hint: string, typed = "") =>
  (await dmgValues(request(path, hint, typed))).map(({ word }: Candidate) => word);

describe("values of dmg", () => {
  test("labels of the pools that there are", async () => {
    expect(await ofDmg("pool query", "pool label or UUID")).toEqual(["tank", "tub"]);
  });

  test("no labels for a pool that is yet to be made", async () => {
    expect(await ofDmg("pool create", "pool label")).toEqual([]);
  });

  test("ranks of the system; in a list those that are not in it yet", async () => {
    expect(await ofDmg("pool exclude", "rank")).toEqual(["0", "1", "2"]);
    expect(await ofDmg("system query", "ranks", "1,")).toEqual(["1,0", "1,2"]);
  });

  test("hosts of the configuration", async () => {
    expect(await ofDmg("storage scan", "hosts")).toEqual([`127.0.0.1:${server.port}`]);
  });

  test("states, properties and their values", async () => {
    expect(await ofDmg("system query", "states", "joined,")).toContain("joined,stopped");
    expect(await ofDmg("pool set-prop", "key:val[,key:val...]", "la")).toContain("label:");
    expect(await ofDmg("pool set-prop", "key:val[,key:val...]", "label:a,reclaim:")).toContain(
      "label:a,reclaim:lazy",
    );
    expect(await ofDmg("system get-prop", "key[,key...]")).toContain("daos_version");
    expect(await ofDmg("system set-attr", "key:val[,key:val...]")).toEqual([]);
  });
});

/** The program as a shell finds it. */
function program(folder: string): string {
  const main = path.resolve(import.meta.dirname, "../../src/main.ts");
  const file = path.join(folder, "daosctl");
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 });
  return file;
}

test("a system that is not there is nobody's error", async () => {
  const broken = path.join(folder, "nobody.yml");
  writeFileSync(broken, "hostlist: ['127.0.0.1:1']\nport: 1\ntransport_config:\n  allow_insecure: true\n");
  const run = Bun.spawn([program(folder), "dmg", "-o", broken, "pool", "query", ""], {
    env: { ...process.env, GO_FLAGS_COMPLETION: "1" },
    stderr: "pipe",
  });
  expect(await new Response(run.stdout).text()).toBe("");
  expect(await new Response(run.stderr).text()).toBe("");
  expect(await run.exited).toBe(0);
});

describe("in bash, with its keys", () => {
  let screen = "";
  let bash: Bun.Subprocess;
  const type = (keys: string) => bash.terminal!.write(keys);
  const shown = (text: string) =>
    waitFor(text, () => {
      if (screen.includes(text)) return true;
      throw new Error(JSON.stringify(screen.slice(-400)));
    });

  beforeAll(async () => {
    program(folder);
    const decoder = new TextDecoder();
    bash = Bun.spawn(["bash", "--norc", "--noprofile", "-i"], {
      env: { PATH: `${folder}:${process.env["PATH"]}`, PS1: "$ ", TERM: "dumb", HOME: folder },
      terminal: {
        cols: 200,
        rows: 50,
        data(_terminal: unknown, bytes: Uint8Array) {
          screen += decoder.decode(bytes, { stream: true });
        },
      },
    });
    type("bind 'set enable-bracketed-paste off'; source <(daosctl completion bash); echo re''ady\r");
    await shown("ready");
  });

  afterAll(async () => {
    bash.kill("SIGKILL");
    await bash.exited;
  });

  test("a command is completed, with a space after it", async () => {
    type("daosctl dmg pool crea\t");
    await shown("daosctl dmg pool create ");
    type("\u0015\r"); // Ctrl-U: away with the line
  });

  test("a rank of the live system after an equals sign and a comma", async () => {
    type(`daosctl dmg -o ${config} system query --ranks=0,1,\t`);
    await shown("--ranks=0,1,2");
    type("\u0015\r"); // Ctrl-U: away with the line
  });

  test("a label of the live system", async () => {
    type(`daosctl dmg -o ${config} pool query ta\t`);
    await shown("pool query tank ");
    type("\u0015\r"); // Ctrl-U: away with the line
  });

  test("the value of a property after a colon", async () => {
    type("daosctl dmg pool set-prop tank reclaim:la\t");
    await shown("reclaim:lazy ");
    type("\u0015\r"); // Ctrl-U: away with the line
  });

  test("a file, without a space after a folder", async () => {
    type(`daosctl dmg --config-path=${folder}/contr\t`);
    await shown("control.yml ");
    type("\u0015\r"); // Ctrl-U: away with the line
  });
});

for (const shell of ["zsh", "fish"]) {
  test.skipIf(Bun.which(shell) === null)(`the script for ${shell} is one`, async () => {
    const script = path.join(folder, `script.${shell}`);
    const made = Bun.spawnSync([program(folder), "completion", shell]);
    writeFileSync(script, made.stdout);
    const checked = Bun.spawnSync([shell, "-n", script], { stderr: "pipe" });
    expect(checked.stderr.toString()).toBe("");
    expect(checked.exitCode).toBe(0);
  });
}
