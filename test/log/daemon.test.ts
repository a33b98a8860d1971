import { afterEach, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createDaemonLog } from "../../src/log/daemon.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-log-"));
const file = path.join(folder, "server.log");
afterEach(() => fs.rmSync(file, { force: true }));

test("a log line has prefix, level, date, time and message, as tools expect", async () => {
  const log = createDaemonLog({ prefix: "host1", file });
  log.info("SCM format required on instance 0");
  log.debug("not wanted");
  await log.flush();
  expect(fs.readFileSync(file, "utf8")).toMatch(
    /^host1 INFO \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d SCM format required on instance 0\n$/,
  );
});

test("a log keeps the order of its lines and loses none", async () => {
  const log = createDaemonLog({ prefix: "", file, level: "DEBUG" });
  for (let line = 0; line < 5000; line++) log.debug(`line ${line} ${"x".repeat(50)}`);
  await log.flush();
  const numbers = fs
    .readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => Number(line.match(/line (\d+)/)?.[1]));
  expect(numbers).toEqual(Array.from({ length: 5000 }, (_, at) => at));
});

test("a JSON log has one object a line", async () => {
  const log = createDaemonLog({ prefix: "agent", file, json: true });
  log.error('with "quotes" and\nnewline');
  await log.flush();
  const entry = JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, string>;
  expect(entry).toMatchObject({ level: "ERROR", extra: "agent", message: 'with "quotes" and\nnewline' });
  expect(entry["time"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d{4})$/);
});

test("a level can be raised while running", async () => {
  const log = createDaemonLog({ prefix: "p", file });
  log.setLevel("ERROR");
  log.notice("quiet");
  log.error("loud");
  await log.flush();
  expect(fs.readFileSync(file, "utf8")).toContain("loud");
  expect(fs.readFileSync(file, "utf8")).not.toContain("quiet");
});
