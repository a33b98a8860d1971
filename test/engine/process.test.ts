import { describe, expect, test } from "bun:test";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exitStatusText, findEngine, spawnEngine } from "../../src/engine/process.ts";
import { tempFolder } from "../support/temp.ts";

test.each([
  [0, null, "process exited with 0"],
  [1, null, "exit status 1"],
  [255, null, "exit status 255"],
  [null, "SIGKILL", "signal: killed"],
  [null, "SIGINT", "signal: interrupt"],
  [null, "SIGSEGV", "signal: segmentation fault"],
  [null, "SIGABRT", "signal: aborted"],
  [null, "SIGTERM", "signal: terminated"],
] as const)("an end with %p, %p is called %p", (code, signal, text) => {
  expect(exitStatusText(code, signal)).toBe(text);
});

async function script(folder: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, "daos_engine");
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

describe("daos_engine", () => {
  test("is the first on the path that can be run", async () => {
    await using folder = await tempFolder();
    const unusable = await script(join(folder.path, "a"), "");
    await chmod(unusable, 0o644);
    const path = await script(join(folder.path, "b"), "");
    expect(await findEngine(`/nonexistent::${join(folder.path, "a")}:${join(folder.path, "b")}`)).toBe(path);
  });

  test("that is nowhere is an error that says where was looked", async () => {
    await expect(findEngine("/nonexistent")).rejects.toThrow("can't start daos_engine: not found on PATH");
  });
});

describe("an engine process", () => {
  test("gets its arguments and nothing of our environment; its output comes line by line", async () => {
    await using folder = await tempFolder();
    const path = await script(
      folder.path,
      'echo "args $*"; echo "path $HOME"; printf "no newline" >&2; exit 3',
    );
    const out: string[] = [];
    const err: string[] = [];
    const engine = spawnEngine({
      path,
      args: ["-t", "1"],
      env: { A: "b" },
      onStdout: (line) => out.push(line),
      onStderr: (line) => err.push(line),
    });
    expect(await engine.exited).toBe("exit status 3");
    expect(out).toEqual(["args -t 1", "path"]);
    expect(err).toEqual(["no newline"]);
  });

  test("is the process whose pid we know, not a child of it", async () => {
    await using folder = await tempFolder();
    const path = await script(folder.path, "echo $$; exec sleep 60");
    const pid = Promise.withResolvers<number>();
    const engine = spawnEngine({
      path,
      args: [],
      env: { PATH: "/usr/bin:/bin" },
      onStdout: (line) => pid.resolve(Number(line)),
      onStderr() {},
    });
    expect(await pid.promise).toBe(engine.pid);
    engine.signal("SIGKILL");
    expect(await engine.exited).toBe("signal: killed");
    engine.signal("SIGKILL"); // of a process that is gone: nothing
  });
});
