import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { daosctl, type Finished, run } from "../support/daosctl.ts";
import { processesWith } from "../support/site.ts";
import { waitFor } from "../support/wait.ts";

/** What `lab status --json` says. */
interface Status {
  state: string;
  programs: { name: string; state: string; pid?: number }[];
  engines: number[];
  ranks: { rank: number; state: string }[];
}

/** Bringing a lab up takes a few seconds; on a busy machine some more. */
const patienceMs = 60_000;

let root: string;
beforeAll(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "lab-")));
});
afterAll(async () => {
  for (const name of fs.readdirSync(root)) {
    await run(daosctl("lab", "down", "--purge", "--dir", path.join(root, name)));
  }
  fs.rmSync(root, { recursive: true, force: true });
});

const lab = (dir: string, ...args: string[]) => run(daosctl("lab", ...args, "--dir", dir));

async function status(dir: string): Promise<Status> {
  const done = await lab(dir, "status", "--json");
  return (JSON.parse(done.stdout) as { response: Status }).response;
}

function expectSuccess(done: Finished): void {
  expect({ status: done.status, stderr: done.stderr, stdout: done.status === 0 ? "" : done.stdout }).toEqual({
    status: 0,
    stderr: "",
    stdout: "",
  });
}

/** Processes that have the folder in their command line, without our own commands about it. */
function leftovers(dir: string): number[] {
  return processesWith(dir);
}

describe("daosctl lab up --exit", () => {
  test(
    "brings a whole system up over mutual TLS, tells of each step, stops it, and leaves nothing running",
    async () => {
      const dir = path.join(root, "exit");
      const workdir = path.join(root, "exit-cwd");
      fs.mkdirSync(workdir);
      const done = await run(daosctl("lab", "up", "--exit", "--dir", dir), { cwd: workdir });
      expectSuccess(done);
      const steps = [
        "certificates",
        "configuration",
        "servers",
        "storage scan",
        "storage format",
        "ranks",
        "pool tank",
        "agent",
      ];
      for (const step of steps) expect(done.stdout).toContain(`✓ ${step}`);
      expect(done.stdout).toContain("3 joined");
      expect(done.stdout).toContain("attached to 3 ranks");
      expect(done.stdout).toContain("$ dmg system query");
      expect(done.stdout).toMatch(/Pool .*tank|tank/);
      expect(done.stdout).toContain("Stopped; nothing of the lab runs.");
      await waitFor("every process to be gone", () => leftovers(dir).length === 0);
      expect(fs.readdirSync(workdir)).toEqual([]);
      fs.rmdirSync(workdir);
    },
    patienceMs,
  );
});

describe("a lab that stays", () => {
  let dir: string;
  beforeAll(async () => {
    dir = path.join(root, "stays");
    expectSuccess(await lab(dir, "up", "--detach", "--servers", "2", "--targets", "2", "--insecure"));
  }, patienceMs);

  test("is up, with every program and rank", async () => {
    const found = await status(dir);
    expect(found.state).toBe("up");
    expect(found.programs.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "s0 running",
      "s1 running",
      "agent running",
    ]);
    expect(found.engines).toHaveLength(2);
    expect(found.ranks.map(({ rank, state }) => [rank, state])).toEqual([
      [0, "joined"],
      [1, "joined"],
    ]);
  });

  test("is used by dmg in a shell that evaluates lab env", async () => {
    const script = `eval "$(${daosctl("lab", "env", "--dir", dir)
      .map((word) => `'${word}'`)
      .join(" ")})"; dmg pool list; test -S "$DAOS_AGENT_DRPC_DIR/daos_agent.sock"`;
    const done = await run(["/bin/sh", "-c", script]);
    expectSuccess(done);
    expect(done.stdout).toContain("tank");
  });

  test("is not brought up a second time", async () => {
    const again = await lab(dir, "up", "--detach");
    expect(again.status).toBe(1);
    expect(again.stderr).toContain("is up");
    expect((await status(dir)).state).toBe("up");
  });

  test("shows its logs", async () => {
    const all = await lab(dir, "logs");
    expect(all.stdout).toContain("==> s0:");
    expect(all.stdout).toContain("==> agent:");
    const one = await lab(dir, "logs", "s1.engine0");
    expect(one.stdout).not.toContain("==> s0:");
    expect((await lab(dir, "logs", "s9")).status).toBe(1);
  });

  test(
    "does not collide with another beside it",
    async () => {
      const beside = path.join(root, "beside");
      expectSuccess(await lab(beside, "up", "--detach", "--servers", "1", "--targets", "1", "--insecure"));
      expect((await status(beside)).state).toBe("up");
      expect((await status(dir)).state).toBe("up");
      expectSuccess(await lab(beside, "down", "--purge"));
      expect(fs.existsSync(beside)).toBe(false);
      expect((await status(dir)).state).toBe("up");
    },
    patienceMs,
  );

  test(
    "that has lost a server is degraded, and whole again after up",
    async () => {
      const victim = (await status(dir)).programs.find(({ name }) => name === "s1");
      process.kill(victim!.pid!, "SIGKILL");
      const degraded = await waitFor("the loss to show", async () => {
        const found = await status(dir);
        return found.state === "degraded" ? found : undefined;
      });
      expect(degraded.programs.find(({ name }) => name === "s1")?.state).toBe("stopped");
      const again = await lab(dir, "up", "--detach");
      expectSuccess(again);
      expect(again.stdout).toContain("stopping what is left: s0, agent");
      expect((await status(dir)).state).toBe("up");
    },
    patienceMs,
  );

  test(
    "goes down, and comes up with its data",
    async () => {
      const made = await run([
        path.join(dir, "bin", "dmg"),
        "-o",
        path.join(dir, "daos_control.yml"),
        "pool",
        "create",
        "--size",
        "256M",
        "kept",
      ]);
      expectSuccess(made);
      expectSuccess(await lab(dir, "down"));
      expect(leftovers(dir)).toEqual([]);
      expect(await status(dir)).toMatchObject({ state: "down", engines: [], ranks: [] });
      const up = await lab(dir, "up", "--detach");
      expectSuccess(up);
      expect(up.stdout).toContain("formatted before, data kept");
      expect(up.stdout).toContain("made before");
      const listed = await run([
        path.join(dir, "bin", "dmg"),
        "-o",
        path.join(dir, "daos_control.yml"),
        "pool",
        "list",
      ]);
      expect(listed.stdout).toContain("kept");
      expectSuccess(await lab(dir, "down", "--purge"));
      expect(fs.existsSync(dir)).toBe(false);
    },
    patienceMs,
  );
});

describe("a lab in the foreground", () => {
  test(
    "stops everything at Ctrl-C",
    async () => {
      const dir = path.join(root, "ctrl-c");
      const child = Bun.spawn(daosctl("lab", "up", "--servers", "1", "--insecure", "--dir", dir), {
        stdout: "pipe",
        stderr: "pipe",
      });
      const output = { text: "" };
      const reading = (async () => {
        for await (const chunk of child.stdout) output.text += new TextDecoder().decode(chunk);
      })();
      await waitFor("the lab to be up", () => output.text.includes("Ctrl-C stops it"), 30_000);
      child.kill("SIGINT");
      expect(await child.exited).toBe(0);
      await reading;
      expect(output.text).toContain("Stopped; nothing of the lab runs.");
      expect(leftovers(dir)).toEqual([]);
    },
    patienceMs,
  );

  test(
    "stops what it has started when it is interrupted half-way",
    async () => {
      const dir = path.join(root, "half-way");
      const child = Bun.spawn(daosctl("lab", "up", "--servers", "1", "--insecure", "--dir", dir), {
        stdout: "pipe",
        stderr: "pipe",
      });
      await waitFor("a server to be started", () => leftovers(dir).length > 1, 30_000);
      child.kill("SIGINT");
      expect(await child.exited).toBe(1);
      expect(await new Response(child.stderr).text()).toContain("interrupted by SIGINT");
      expect(leftovers(dir)).toEqual([]);
    },
    patienceMs,
  );
});

describe("what cannot be a lab", () => {
  test("says why", async () => {
    const missing = await lab(path.join(root, "nowhere"), "status");
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain("there is no lab in");
    const deep = path.join(root, "x".repeat(90));
    expect((await lab(deep, "up", "--exit")).stderr).toContain("bytes too deep");
    expect(fs.existsSync(deep)).toBe(false);
    expect((await lab(path.join(root, "n"), "up", "--servers", "many")).stderr).toContain(
      "--servers takes a whole number",
    );
    expect((await lab(path.join(root, "n"), "up", "--exit", "--detach")).stderr).toContain("contradict");
  });

  test("is not removed by down --purge", async () => {
    const dir = path.join(root, "something-else");
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, "thesis.txt"), "precious");
    expect((await lab(dir, "down", "--purge")).status).toBe(1);
    expect(fs.readdirSync(dir)).toEqual(["thesis.txt"]);
    fs.rmSync(dir, { recursive: true });
  });
});
