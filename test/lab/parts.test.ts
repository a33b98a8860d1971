import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { parseServerConfig } from "../../src/config/server.ts";
import { serverConfigToYaml } from "../../src/config/to-yaml.ts";
import { validateServerConfig } from "../../src/config/validate.ts";
import { labServerConfig } from "../../src/lab/configs.ts";
import { labEnvironment } from "../../src/lab/env.ts";
import { checkSocketPaths, labFolder, labLayout } from "../../src/lab/layout.ts";
import { withLabLock } from "../../src/lab/lock.ts";
import { chooseLogs, logFiles, showLogs } from "../../src/lab/logs.ts";
import { openLab } from "../../src/lab/open.ts";
import { choosePorts, isPortFree, portsFrom, takenPort } from "../../src/lab/ports.ts";
import { birthOf, isAlive, processesWithArgument, startProcess, stopProcess } from "../../src/lab/process.ts";
import { makePrograms, shellWord } from "../../src/lab/programs.ts";
import { type LabRecord, readRecord, requireRecord, writeRecord } from "../../src/lab/record.ts";
import { createSteps } from "../../src/lab/steps.ts";
import { waitFor } from "../support/wait.ts";

let root: string;
beforeAll(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "lab-parts-")));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

function folder(name: string): string {
  const made = path.join(root, name);
  fs.mkdirSync(made, { recursive: true });
  return made;
}

function record(more: Partial<LabRecord> = {}): LabRecord {
  return {
    format: 1,
    servers: 2,
    engines: 2,
    targets: 4,
    replicas: 1,
    insecure: false,
    ports: portsFrom(21_000, { servers: 2, engines: 2, targets: 4 }),
    tmpfs: false,
    formatted: false,
    processes: [],
    ...more,
  };
}

const failure = async (run: Promise<unknown>) =>
  run.then(
    () => "no error",
    (error: unknown) => String(error),
  );

describe("a lab's folder", () => {
  test("is that of the flag, of the variable, or one here", () => {
    expect(labFolder("/a/b", { DAOSCTL_LAB_DIR: "/c" })).toBe("/a/b");
    expect(labFolder(undefined, { DAOSCTL_LAB_DIR: "/c" })).toBe("/c");
    expect(labFolder(undefined, {})).toBe(path.resolve(".daosctl-lab"));
  });
  test("must leave room for the names of sockets", () => {
    expect(() => checkSocketPaths(labLayout("/tmp/lab"), 100)).not.toThrow();
    expect(() => checkSocketPaths(labLayout(`/tmp/${"x".repeat(80)}`), 3)).toThrow(/bytes too deep/);
  });
  test("holds everything", () => {
    const layout = labLayout("/lab");
    const server = layout.server(1);
    const paths = [
      layout.bin,
      layout.controlConfig,
      layout.agent.socket,
      server.config,
      server.log,
      server.scmMount(0),
      server.engineLog(1),
    ];
    for (const each of paths) expect(each).toStartWith("/lab/");
  });
});

describe("a lab's record", () => {
  test("is read back as it was written", async () => {
    const layout = labLayout(folder("record"));
    const written = record({
      processes: [{ name: "s0", pid: 1, birth: "b" }],
      enginePath: "/usr/bin/daos_engine",
    });
    await writeRecord(layout, written);
    expect(await readRecord(layout)).toEqual(written);
    expect(fs.readdirSync(layout.dir)).toEqual(["lab.json"]);
  });
  test("that is missing means that there is no lab", async () => {
    const layout = labLayout(folder("no-record"));
    expect(await readRecord(layout)).toBeUndefined();
    expect(await failure(requireRecord(layout))).toContain("there is no lab in");
  });
  test("that is damaged is said to be", async () => {
    const layout = labLayout(folder("bad-record"));
    fs.writeFileSync(layout.record, "{}");
    expect(await failure(readRecord(layout))).toContain("is not a record of a lab");
  });
  test("cannot be changed in form by flags of a later up", async () => {
    const layout = labLayout(folder("reopen"));
    const made = await openLab(layout, { servers: 1, targets: 2 });
    expect(made).toMatchObject({ servers: 1, engines: 1, targets: 2, insecure: false });
    expect(await openLab(layout, {})).toEqual(made);
    expect(await failure(openLab(layout, { servers: 2 }))).toContain("was made with --servers 1");
    expect(await failure(openLab(layout, { insecure: true }))).toContain("was made with --insecure false");
    expect(await failure(openLab(layout, { port: 5 }))).toContain(`--port ${made.ports[0]?.control}`);
  });
  test("is never made in a folder of something else", async () => {
    const layout = labLayout(folder("occupied"));
    fs.writeFileSync(path.join(layout.dir, "thesis.txt"), "");
    expect(await failure(openLab(layout, {}))).toContain("is no lab and not empty");
  });
});

describe("ports", () => {
  test("of a block are all different", () => {
    const shapes = fc.record({
      servers: fc.integer({ min: 1, max: 9 }),
      engines: fc.integer({ min: 1, max: 4 }),
      targets: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(shapes, (shape) => {
        const all = portsFrom(20_000, shape).flatMap(({ control, fabric }) => [control, ...fabric]);
        expect(new Set(all).size).toBe(all.length);
      }),
    );
  });
  test("of two folders are in different places, and those of one always in the same", async () => {
    const shape = { servers: 3, engines: 1, targets: 4 };
    const [a, again, b] = [
      await choosePorts("/a", shape),
      await choosePorts("/a", shape),
      await choosePorts("/b", shape),
    ];
    expect(again).toEqual(a);
    expect(b[0]?.control).not.toBe(a[0]?.control);
  });
  test("that are taken are passed over, or refused when they were asked for", async () => {
    const shape = { servers: 1, engines: 1, targets: 1 };
    const [free] = await choosePorts("/taken", shape);
    const holder = net.createServer();
    await new Promise<void>((resolve) => holder.listen(free!.control, "127.0.0.1", resolve));
    try {
      expect(await isPortFree(free!.control)).toBe(false);
      expect(await takenPort([free!])).toBe(free!.control);
      expect((await choosePorts("/taken", shape))[0]?.control).not.toBe(free!.control);
      expect(await failure(choosePorts("/taken", shape, free!.control))).toContain(
        `port ${free!.control} is taken`,
      );
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });
  test("beyond the last are refused", async () => {
    expect(await failure(choosePorts("/x", { servers: 3, engines: 1, targets: 4 }, 65_530))).toContain(
      "too few",
    );
  });
});

describe("processes", () => {
  const start = (script: string, name = "p") =>
    startProcess({
      name,
      command: ["/bin/sh", "-c", script],
      env: process.env,
      output: path.join(root, "output"),
    });

  test("are known by number and birth, not by number alone", async () => {
    const own = { name: "own", pid: process.pid, birth: (await birthOf(process.pid)) ?? "" };
    expect(await isAlive(own)).toBe(true);
    expect(await isAlive({ ...own, birth: "another/1" })).toBe(false);
    expect(await birthOf(2 ** 22 + 1)).toBeUndefined();
  });
  test("are in a session of their own and leave their output", async () => {
    const started = await start("cut -d' ' -f6 /proc/$$/stat; echo gone >&2");
    expect(await started.ended).toBe("exit status 0");
    expect(fs.readFileSync(path.join(root, "output"), "utf8")).toBe(`${started.pid}\ngone\n`);
  });
  test("stop when they are asked to", async () => {
    const started = await start("exec sleep 600");
    expect(await stopProcess(started, 5_000)).toBe(true);
    expect(await started.ended).toBe("killed by SIGTERM");
  });
  test("are killed when they do not", async () => {
    const output = path.join(root, "stubborn");
    const command = ["/bin/sh", "-c", "trap '' TERM; echo ready; exec sleep 600"];
    const started = await startProcess({ name: "stubborn", command, env: process.env, output });
    await waitFor("it to ignore the signal", () => fs.readFileSync(output, "utf8") === "ready\n");
    expect(await stopProcess(started, 300)).toBe(false);
    expect(await started.ended).toBe("killed by SIGKILL");
  });
  test("are found by an argument", async () => {
    const word = path.join(root, "unmistakable");
    const idle = [process.execPath, "-e", "setInterval(() => {}, 1e6)"];
    const output = path.join(root, "output");
    const started = await startProcess({ name: "idle", command: [...idle, word], env: process.env, output });
    try {
      expect((await processesWithArgument(new Set([word]))).map(({ pid }) => pid)).toEqual([started.pid]);
      expect(await processesWithArgument(new Set([`${word}-not`]))).toEqual([]);
    } finally {
      await stopProcess(started, 0);
    }
  });
  test("that cannot be started are an error", async () => {
    const missing = { name: "x", command: ["/no/such/program"], env: {}, output: path.join(root, "output") };
    expect(await failure(startProcess(missing))).toContain("ENOENT");
  });
});

describe("the lock of a lab", () => {
  test("keeps a second command out and is gone afterwards", async () => {
    const layout = labLayout(folder("lock"));
    await withLabLock(layout, async () => {
      expect(await failure(withLabLock(layout, async () => undefined))).toContain(
        `(process ${process.pid}) is at work`,
      );
    });
    expect(fs.existsSync(layout.lock)).toBe(false);
  });
  test("of a command that has died is taken over", async () => {
    const layout = labLayout(folder("stale-lock"));
    fs.writeFileSync(layout.lock, "4194305 some-boot/17");
    expect(await withLabLock(layout, async () => "in")).toBe("in");
  });
});

describe("configurations of a lab", () => {
  test("are sound", () => {
    const layout = labLayout("/lab");
    for (const index of [0, 1]) {
      const config = labServerConfig(layout, record(), index);
      expect(() => validateServerConfig(config)).not.toThrow();
      const read = parseServerConfig(new TextEncoder().encode(serverConfigToYaml(config)), "x");
      expect(read.problems).toEqual([]);
      expect({ ...read.config, configPath: undefined }).toEqual({ ...config, configPath: undefined });
    }
  });
});

describe("a shell that uses a lab", () => {
  test("finds its programs, configuration and agent, once each", () => {
    const layout = labLayout("/it's/lab");
    const text = labEnvironment(layout, `${layout.bin}:/usr/bin:/bin`);
    const shown = Bun.spawnSync([
      "/bin/sh",
      "-c",
      `${text}\necho "$PATH|$DAOSCTL_CONTROL_CONFIG|$DAOS_AGENT_DRPC_DIR|$DAOSCTL_LAB_DIR"`,
    ]);
    expect(shown.stdout.toString()).toBe(
      "/it's/lab/bin:/usr/bin:/bin|/it's/lab/daos_control.yml|/it's/lab/agent/run|/it's/lab\n",
    );
  });
  test("reads any word as it was written", () => {
    const words = fc.string().filter((text) => !text.includes("\0") && text.length < 50);
    fc.assert(
      fc.property(
        words,
        (word) => Bun.spawnSync(["/bin/sh", "-c", `printf %s ${shellWord(word)}`]).stdout.toString() === word,
      ),
      { numRuns: 20 },
    );
  });
  test("gets the programs by their names", async () => {
    const layout = labLayout(folder("programs"));
    await makePrograms(layout, "/usr/bin/daos_engine");
    expect(fs.readdirSync(layout.bin).sort()).toEqual([
      "daos_agent",
      "daos_engine",
      "daos_server",
      "daosctl",
      "dmg",
    ]);
    expect(fs.readlinkSync(path.join(layout.bin, "daos_engine"))).toBe("/usr/bin/daos_engine");
    await makePrograms(layout, undefined);
    expect(fs.readFileSync(path.join(layout.bin, "daos_engine"), "utf8")).toContain("'lab' 'engine' \"$@\"");
    const version = Bun.spawnSync([path.join(layout.bin, "dmg"), "version"]);
    expect(version.stdout.toString()).toContain("2.6.0");
  });
});

describe("logs of a lab", () => {
  const layout = labLayout("/lab");
  const files = logFiles(layout, record());
  const names = (name?: string) => chooseLogs(files, name).map((file) => file.name);
  test("are chosen by name", () => {
    expect(names()).toEqual(["s0", "s0.engine0", "s0.engine1", "s1", "s1.engine0", "s1.engine1", "agent"]);
    expect(names("s1")).toEqual(["s1", "s1.engine0", "s1.engine1", "s1.output"]);
    expect(names("agent.output")).toEqual(["agent.output"]);
    expect(() => names("s7")).toThrow(/no log .*s7/);
  });
  test("are shown from their ends and followed", async () => {
    const file = path.join(root, "some.log");
    fs.writeFileSync(file, Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join(""));
    const stop = new AbortController();
    const shown: string[] = [];
    const done = showLogs(
      [
        { name: "some", path: file },
        { name: "none", path: path.join(root, "none.log") },
      ],
      (text) => {
        shown.push(text);
        if (shown.length === 2) fs.appendFileSync(file, "added\n");
        if (text.includes("added")) stop.abort();
      },
      stop.signal,
    );
    await done;
    const text = shown.join("");
    expect(text).toContain("==> some:");
    expect(text).not.toContain("line 29\n");
    expect(text).toContain("line 30\n");
    expect(text).toEndWith("added\n");
  });
});

describe("progress", () => {
  test("is one line a step, with what was done", async () => {
    const lines: string[] = [];
    const steps = createSteps((text) => lines.push(text), false);
    await steps.run("servers", async () => "3 listen");
    expect(await failure(steps.run("agent", async () => Promise.reject(new Error("died"))))).toContain(
      "died",
    );
    expect(lines.join("")).toMatch(
      /^ {2}✓ servers +\d+\.\d\d s {2}3 listen\n {2}✗ agent +\d+\.\d\d s {2}failed\n$/,
    );
  });
});
