import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { Store, StoreOp } from "../../src/store/store.ts";

/** What is to be tested: a store on a folder that may be opened again when it has been closed. */
export interface StoreUnderTest {
  readonly name: string;
  open(dir: string): Promise<Store>;
}

const key = fc.constantFrom("member/0", "member/1", "pool/x", "attr/ключ", "attr/with space", "meta/system");
const op: fc.Arbitrary<StoreOp> = fc.record({
  key,
  value: fc.option(fc.string({ unit: "grapheme", maxLength: 40 }), { nil: undefined }),
});

function applyTo(model: Map<string, string>, ops: readonly StoreOp[]): void {
  for (const each of ops) {
    if (each.value === undefined) model.delete(each.key);
    else model.set(each.key, each.value);
  }
}

function sorted(records: ReadonlyMap<string, string>): [string, string][] {
  return [...records].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What every store must do, whatever it is made of. */
export function storeConformance({ name, open }: StoreUnderTest): void {
  describe(`${name} as a store`, () => {
    let dir: string;
    let store: Store;
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), "daosctl-store-"));
      store = await open(join(dir, "db"));
    });
    afterEach(async () => {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    });

    test("is empty at first and leads", async () => {
      expect((await store.load()).size).toBe(0);
      expect(store.leadership().leader).toBe(true);
    });

    test("holds what was committed, after a restart too", async () => {
      await store.commit([
        { key: "a", value: "1" },
        { key: "b", value: "2" },
      ]);
      await store.commit([
        { key: "a", value: undefined },
        { key: "c", value: "" },
      ]);
      const expected = [
        ["b", "2"],
        ["c", ""],
      ];
      expect(sorted(await store.load())).toEqual(expected as [string, string][]);
      await store.close();
      store = await open(join(dir, "db"));
      expect(sorted(await store.load())).toEqual(expected as [string, string][]);
    });

    test("takes an empty batch, and the removal of what is not there", async () => {
      await store.commit([]);
      await store.commit([{ key: "nothing", value: undefined }]);
      expect((await store.load()).size).toBe(0);
    });

    test("does what a map would, for any batches, waited for or not", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.array(op, { maxLength: 5 }), fc.boolean()), { maxLength: 12 }),
          async (batches) => {
            const model = new Map(await store.load());
            const pending: Promise<void>[] = [];
            for (const [ops, wait] of batches) {
              applyTo(model, ops);
              const done = store.commit(ops);
              if (wait) await done;
              else pending.push(done);
            }
            await Promise.all(pending);
            expect(sorted(await store.load())).toEqual(sorted(model));
          },
        ),
        { numRuns: 30 },
      );
    });

    test("keeps the order of commits that do not wait for each other", async () => {
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => store.commit([{ key: "last", value: String(n) }])),
      );
      expect((await store.load()).get("last")).toBe("99");
    });

    test("reads what was committed before, also when that was not waited for", async () => {
      const done = store.commit([{ key: "a", value: "1" }]);
      expect((await store.load()).get("a")).toBe("1");
      await done;
    });

    test("keeps large values whole", async () => {
      const value = "ж".repeat(300_000);
      await store.commit([{ key: "large", value }]);
      expect((await store.load()).get("large")).toBe(value);
    });

    test("has a higher term each time it is opened", async () => {
      const { term } = store.leadership();
      await store.close();
      store = await open(join(dir, "db"));
      expect(store.leadership().term).toBeGreaterThan(term);
    });

    test("finishes what was begun before close, and refuses what comes after", async () => {
      const done = Promise.all(
        Array.from({ length: 20 }, (_, n) => store.commit([{ key: `k${n}`, value: "x" }])),
      );
      await store.close();
      await done;
      await expect(store.commit([{ key: "late", value: "1" }])).rejects.toThrow("closed");
      store = await open(join(dir, "db"));
      expect((await store.load()).size).toBe(20);
    });

    test("may be closed twice", async () => {
      await Promise.all([store.close(), store.close()]);
    });
  });
}
