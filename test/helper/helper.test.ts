import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { Fault } from "../../src/faults/fault.ts";
import { type HelperOptions, requestHelper } from "../../src/helper/client.ts";
import type { HelperRequestInit } from "../../src/helper/protocol.ts";
import { SELF_ARGV0, selfCommand } from "../../src/helper/self.ts";
import { tempFolder } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";

async function faultOf(request: HelperRequestInit, options?: HelperOptions): Promise<Fault> {
  const error = await requestHelper(request, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Fault);
  return error as Fault;
}

const unmountNothing: HelperRequestInit = { op: "unmount", target: "/tmp/there-is-no-such-folder" };

describe("a request to the helper", () => {
  test("mounts, tells what is wrong, and unmounts", async () => {
    await using temp = await tempFolder();
    const tmpfs = {
      op: "mount",
      source: "tmpfs",
      target: temp.path,
      fstype: "tmpfs",
      options: "size=1024k",
    } as const;
    const mounts = () => fs.readFileSync("/proc/self/mountinfo", "utf8");
    const first = await requestHelper(tmpfs).then(
      () => undefined,
      (reason: Fault) => reason,
    );
    if (first !== undefined) {
      // Without root, or in a container, there is one thing to say.
      expect([first.code, first.reason]).toEqual([3, "EPERM"]);
      return;
    }
    try {
      expect(mounts()).toContain(` ${temp.path} rw,nosuid,nodev`);
      const bad = await faultOf({ ...tmpfs, options: "size=1024k,no_such_option=1" });
      expect([bad.code, bad.reason]).toEqual([5, "EINVAL"]);
    } finally {
      await requestHelper({ op: "unmount", target: temp.path });
    }
    expect(mounts()).not.toContain(temp.path);
    expect((await faultOf({ op: "unmount", target: temp.path })).description).toContain("is not mounted");
  });

  test("that is refused says why", async () => {
    const fault = await faultOf(unmountNothing);
    expect([fault.domain, fault.code]).toEqual(["helper", 5]);
    expect(fault.description).toContain("ENOENT");
  });

  test("names users and groups", async () => {
    const identity = (await requestHelper({ op: "identity", uid: 0, gid: 0 })) as {
      user: string;
      group: string;
    };
    expect([identity.user, identity.group]).toEqual(["root", "root"]);
    expect((await faultOf({ op: "identity", uid: 54321, gid: 0 })).description).toContain("54321");
  });

  test("is given up in time, with all the helper has started", async () => {
    await using temp = await tempFolder();
    const pidFile = path.join(temp.path, "pid");
    const script = `sleep 60 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; wait`;
    const call = faultOf(unmountNothing, { command: ["/bin/sh", "-c", script], timeoutMs: 400 });
    const pid = Number(
      await waitFor("the grandchild", () => fs.existsSync(pidFile) && fs.readFileSync(pidFile, "utf8")),
    );
    expect((await call).description).toContain("no answer within 400 ms");
    await waitFor("its end", () => isGone(pid));
  });

  test("is given up when told to", async () => {
    const stop = new AbortController();
    const call = requestHelper(unmountNothing, { command: ["/bin/sleep", "60"], signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
  });

  test.each([
    ["died of a signal", ["/bin/sh", "-c", "kill -SEGV $$"], "SIGSEGV"],
    ["ended with an error", ["/bin/sh", "-c", "echo oh no >&2; exit 3"], "exit status 3) oh no"],
    ["said nothing", ["/bin/true"], "died"],
    ["answered no JSON", ["/bin/echo", "hello"], "nonsense"],
    ["answered something else", ["/bin/echo", '{"ok":"yes"}'], "nonsense"],
  ])("whose helper %s is a fault, not a crash", async (_, command, text) => {
    const fault = await faultOf(unmountNothing, { command });
    expect(fault.code).toBe(5);
    expect(fault.description).toContain(text);
  });

  test("without a helper: fault 4", async () => {
    expect((await faultOf(unmountNothing, { command: ["/no/such/program"] })).code).toBe(4);
  });

  test("is answered though it is nonsense", async () => {
    const child = Bun.spawn([...selfCommand(), "helper"], {
      argv0: SELF_ARGV0,
      stdin: new TextEncoder().encode("nonsense"),
      stdout: "pipe",
    });
    expect(JSON.parse(await new Response(child.stdout).text()).ok).toBe(false);
  });
});

/** Gone, or dead and not yet reaped by whoever inherited it. */
function isGone(pid: number): boolean {
  try {
    return /\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

function execEngine(args: string[], env: Record<string, string> = {}) {
  return Bun.spawn([...selfCommand(), "helper", "exec-engine", ...args], {
    argv0: SELF_ARGV0,
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
}

describe("exec-engine", () => {
  const here = String(process.pid);

  test("becomes the program, with its arguments and nothing but its environment", async () => {
    const child = execEngine([here, "/usr/bin/env", "-0"], {
      D_LOG_MASK: "ERR",
      "ODD NAME": "a\nb",
      EMPTY: "",
    });
    const variables = (await new Response(child.stdout).text()).split("\0").filter((text) => text !== "");
    expect(variables.sort()).toEqual(["D_LOG_MASK=ERR", "EMPTY=", "ODD NAME=a\nb"]);
    const echo = execEngine([here, "/bin/sh", "-c", 'printf "[%s]" "$@"', "sh", "", "a b", "-t", "--", "ü"]);
    expect(await new Response(echo.stdout).text()).toBe("[][a b][-t][--][ü]");
    expect(await echo.exited).toBe(0);
  });

  test("keeps its process number", async () => {
    const child = execEngine([here, "/bin/sh", "-c", "echo $$"]);
    expect(Number(await new Response(child.stdout).text())).toBe(child.pid);
  });

  test("leaves no signal ignored or blocked, and no descriptor open", async () => {
    const child = execEngine([
      here,
      "/bin/sh",
      "-c",
      // A shell blocks signals of its own while it starts a program: the mask is looked at from its successor.
      "ls /proc/$$/fd; exec grep -E 'Sig(Ign|Blk)' /proc/self/status",
    ]);
    const text = await new Response(child.stdout).text();
    expect(text.match(/0000000000000000/g)?.length).toBe(2);
    expect(text.split("\n").filter((line) => /^\d+$/.test(line))).toEqual(["0", "1", "2"]);
  });

  test("says why a program cannot be run", async () => {
    const child = execEngine([here, "/no/such/engine"]);
    expect(await child.exited).toBe(126);
    expect(await new Response(child.stderr).text()).toContain("/no/such/engine: ENOENT");
  });

  test.each([[["nonsense", "/bin/true"]], [[here, "relative"]], [[here]], [[]]])(
    "is not for other arguments: %p",
    async (args) => {
      expect(await execEngine(args).exited).toBe(2);
    },
  );

  test("does nothing when the parent is another", async () => {
    await using temp = await tempFolder();
    const file = path.join(temp.path, "ran");
    expect(await execEngine(["1", "/usr/bin/touch", file]).exited).toBe(1);
    expect(fs.existsSync(file)).toBe(false);
  });

  test("dies with the server that started it, however that ends", async () => {
    const script = `
      const child = Bun.spawn([...${JSON.stringify(selfCommand())}, "helper", "exec-engine", String(process.pid),
        "/bin/sh", "-c", "echo up; exec sleep 60"], { argv0: ${JSON.stringify(SELF_ARGV0)}, stdout: "pipe" });
      await child.stdout.getReader().read();
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const server = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const pid = Number(new TextDecoder().decode((await server.stdout.getReader().read()).value));
    expect(isGone(pid)).toBe(false);
    server.kill("SIGKILL");
    await waitFor("the engine's death", () => isGone(pid), 3000);
  });
});
