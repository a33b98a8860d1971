import { openSqliteStore } from "../../src/store/sqlite.ts";

/**
 * Run as a process of its own by durability.test.ts: commits numbers one after the other, several at a
 * time, and prints each when it is acknowledged, until it is killed.
 */
const [dir = "", first = "0"] = process.argv.slice(2);
const store = await openSqliteStore({ dir, addr: "10.0.0.1:10001" });
let next = Number(first);
const lane = async (): Promise<never> => {
  for (;;) {
    const number = next++;
    // Both halves or neither: the test looks for halves.
    await store.commit([
      { key: `left/${number}`, value: "x".repeat(number % 700) },
      { key: `right/${number}`, value: String(number) },
    ]);
    process.stdout.write(`${number}\n`);
  }
};
await Promise.all(Array.from({ length: 8 }, lane));
