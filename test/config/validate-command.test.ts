import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { daosctl, run } from "../support/daosctl.ts";
import { oneEngine } from "./support.ts";

describe("daosctl server config validate", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "validate-"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  function file(name: string, text: string): string {
    const made = path.join(folder, name);
    fs.writeFileSync(made, text);
    return made;
  }
  const validate = (...args: string[]) => run(daosctl("server", "config", "validate", ...args));

  test("says OK and what the file means, and exits 0", async () => {
    const good = file("good.yml", oneEngine());
    const done = await validate(good);
    expect(done.stdout).toContain(`OK: ${good}`);
    expect(done.stdout).toContain("access points node1:10001");
    expect(done.stdout).toContain("engine 0: 8 targets, 0 helpers, eth0:31316, storage ram");
    expect(done.status).toBe(0);
  });

  test("lists every problem with its place, number and what to do, and exits 1", async () => {
    const bad = file(
      "bad.yml",
      oneEngine((text) => text.replace("targets: 8", "targets: 0").replace("[node1]", "[a, b]")),
    );
    const done = await validate(bad);
    expect(done.stdout).toContain(`${bad}:1:1: non-odd number of access points`);
    expect(done.stdout).toContain("(serverconfig 706)");
    expect(done.stdout).toContain(`${bad}:4:3: target count must be nonzero`);
    expect(done.stdout).toContain(`2 problems in ${bad}`);
    expect(done.status).toBe(1);
  });

  test("does the same as JSON", async () => {
    const bad = file("bad-json.yml", "nmae: x\n");
    const done = await validate("--json", bad);
    expect(done.status).toBe(1);
    const { response } = JSON.parse(done.stdout) as { response: unknown };
    expect(response).toMatchObject({
      file: bad,
      valid: false,
      problems: [{ key: "nmae", line: 1, column: 1, code: 701 }],
    });
  });

  test("fails with a fault for a file that is not there", async () => {
    const done = await validate(path.join(folder, "none.yml"));
    expect(done.stderr).toContain("code = 701");
    expect(done.status).toBe(1);
  });
});
