import { errorText } from "../../src/faults/fault.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";

/**
 * Run by full-disk.test.ts on a file system of a few hundred KiB: fills it, and says what a commit that
 * finds no space does to the store.
 */
const [dir = ""] = process.argv.slice(2);
const store = await openSqliteStore({ dir, addr: "10.0.0.1:10001" });
await store.commit([{ key: "before", value: "1" }]);
const value = "x".repeat(20_000);
let failure = "";
let stored = 0;
for (; failure === "" && stored < 1_000; stored++) {
  try {
    await store.commit([{ key: `filler/${stored}`, value }]);
  } catch (error) {
    failure = errorText(error);
  }
}
const records = await store.load();
const halves = records.has(`filler/${stored - 1}`);
const leads = store.leadership().leader;
console.log(JSON.stringify({ failure, kept: records.get("before"), halves, leads, stored: stored - 1 }));
await store.close();
