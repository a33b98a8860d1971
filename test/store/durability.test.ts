import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite.ts";

const rounds = 12;

/** Runs a writer, kills it when it has acknowledged about `count` numbers, answers those it has. */
async function writeAndDie(dir: string, first: number, count: number): Promise<number[]> {
  const writer = Bun.spawn(
    [process.execPath, "run", join(import.meta.dirname, "writer.ts"), dir, String(first)],
    {
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of writer.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (text.split("\n").length > count) writer.kill("SIGKILL");
  }
  await writer.exited;
  // What stands after the last line break was cut off, and is no acknowledgement.
  return text.split("\n").slice(0, -1).map(Number);
}

test("what was acknowledged survives kill -9, whole, and what was not is there whole or not at all", async () => {
  const root = await mkdtemp(join(tmpdir(), "daosctl-durability-"));
  const dir = join(root, "db");
  const acknowledged = new Set<number>();
  try {
    for (let round = 0; round < rounds; round++) {
      const first = round * 1_000_000;
      for (const number of await writeAndDie(dir, first, 1 + Math.floor(Math.random() * 200))) {
        acknowledged.add(number);
      }
      const store = await openSqliteStore({ dir, addr: "10.0.0.1:10001" });
      const records = await store.load();
      await store.close();
      for (const number of acknowledged) expect(records.get(`right/${number}`)).toBe(String(number));
      for (const key of records.keys()) {
        const [side, number] = key.split("/");
        expect(records.has(`${side === "left" ? "right" : "left"}/${number}`)).toBe(true);
      }
    }
    expect(acknowledged.size).toBeGreaterThan(rounds);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}, 30_000);
