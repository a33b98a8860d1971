import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";

const sources = path.resolve(import.meta.dirname, "..", "src");

/**
 * Which rooms a room may import, beside itself (docs/architecture.md). `faults`, `files`, `gen`, `log` and
 * version.ts are open to all; what is absent here is refused.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  cli: ["commands", "ui"],
  client: ["security", "config", "system", "services"],
  commands: [
    "cli",
    "client",
    "config",
    "daemon",
    "hardware",
    "lab",
    "security",
    "storage",
    "system",
    "ui",
    "helper",
    "bundle",
  ],
  config: ["cli"],
  daemon: [
    "client",
    "config",
    "drpc",
    "engine",
    "hardware",
    "helper",
    "security",
    "services",
    "storage",
    "store",
    "system",
    "telemetry",
  ],
  drpc: ["ffi"],
  engine: ["client", "config", "drpc", "hardware", "helper", "storage", "system", "services"],
  faults: [],
  ffi: [],
  files: [],
  gen: [],
  hardware: ["config", "helper"],
  helper: ["ffi"],
  lab: ["cli", "client", "config", "drpc", "hardware", "helper", "security", "services", "system", "ui"],
  log: [],
  security: ["config", "drpc"],
  services: [
    "client",
    "config",
    "drpc",
    "engine",
    "hardware",
    "security",
    "storage",
    "store",
    "bundle",
    "system",
  ],
  storage: ["config", "hardware", "helper", "system"],
  store: ["system", "client", "helper"],
  bundle: ["client", "config", "hardware", "helper", "system", "ui"],
  system: [],
  telemetry: ["helper"],
  ui: ["cli", "system", "client"],
};
const OPEN_TO_ALL = ["faults", "files", "gen", "log", "version.ts"];

function files(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("gen/"))
    .sort();
}

/** Rooms that a file imports: [room, import as written]. */
function importsOf(file: string): [string, string][] {
  const text = fs.readFileSync(path.join(sources, file), "utf8");
  const found = text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return [...found].map(([, written]) => {
    const target = path.relative(sources, path.resolve(sources, path.dirname(file), written!));
    return [target.split(path.sep)[0]!, written!];
  });
}

describe("a room imports only what it may know", () => {
  const rooms = new Set(
    files(sources)
      .filter((file) => file.includes("/"))
      .map((file) => file.split("/")[0]!),
  );
  for (const room of rooms) {
    test(room, () => {
      const allowed = MAY_IMPORT[room];
      expect(allowed, `room ${room} is not in the table`).toBeDefined();
      const refused = files(path.join(sources, room)).flatMap((file) =>
        importsOf(path.join(room, file))
          .filter(
            ([target]) => target !== room && !OPEN_TO_ALL.includes(target) && !allowed!.includes(target),
          )
          .map(([, written]) => `${room}/${file} imports ${written}`),
      );
      expect(refused).toEqual([]);
    });
  }

  test("no production room knows of the lab's emulated engine", () => {
    const refused = files(sources)
      .filter(
        (file) =>
          !file.startsWith("lab/") &&
          !file.startsWith("commands/lab/") &&
          file !== "main.ts" &&
          file !== "cli/run.ts",
      )
      .filter((file) => /emulated/i.test(fs.readFileSync(path.join(sources, file), "utf8")));
    expect(refused).toEqual([]);
  });
});
