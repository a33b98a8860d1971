import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ignoreProxies, makeOutput } from "../../src/commands/dmg/output.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dmg-output-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("the log file keeps every level, also what the terminal does not show", () => {
  const file = join(directory, "dmg.log");
  const output = makeOutput({ "log-file": file, json: true });
  output.info("one");
  output.debug("two");
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines[0]).toMatch(/^dmg INFO \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d one$/);
  expect(lines[1]).toMatch(/^dmg DEBUG \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d two$/);
});

test("a log file that cannot be written is said at once", () => {
  expect(() => makeOutput({ "log-file": join(directory, "missing", "dmg.log") })).toThrow(
    "create log file: ",
  );
});

test("proxies are ignored unless asked for", () => {
  const before = process.env.https_proxy;
  try {
    process.env.https_proxy = "http://proxy:3128";
    ignoreProxies({ "allow-proxy": true });
    expect(process.env.https_proxy).toBe("http://proxy:3128");
    ignoreProxies({});
    expect(process.env.https_proxy).toBeUndefined();
  } finally {
    if (before === undefined) delete process.env.https_proxy;
    else process.env.https_proxy = before;
  }
});
