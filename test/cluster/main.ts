/**
 * `npm run test:cluster [-- --runs N --seed N --replicas 3|5]`: many seeded runs, one after the other, on a cluster
 * that is made for every 20 of them. With --seed one run alone.
 */
import { runSeed, startDriver } from "./run.ts";
import { bringUp, createClusterSite } from "./site.ts";

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

const only = option("seed", -1);
const runs = only >= 0 ? 1 : option("runs", 200);
const first = only >= 0 ? only : option("first", 0);
const perCluster = 20;
let failed = 0;

if (process.getuid?.() !== 0) {
  console.error("the cluster tests need root: they make network namespaces");
  process.exit(1);
}
for (let begin = first; begin < first + runs; begin += perCluster) {
  const replicas = option("replicas", (begin / perCluster) % 3 < 2 ? 3 : 5);
  const site = await createClusterSite({ servers: 5, replicas });
  const driver = startDriver(site);
  try {
    await bringUp(site);
    for (let seed = begin; seed < Math.min(begin + perCluster, first + runs); seed++) {
      const result = await runSeed(site, driver, seed);
      if (result.problems.length > 0) failed++;
      console.log(
        `${result.problems.length === 0 ? "ok  " : "FAIL"} seed ${seed}, ${replicas} replicas, ${result.faults.join(", ")}: ` +
          `${result.calls} calls, ${result.unknown} of unknown outcome, ${(result.tookMs / 1000).toFixed(1)} s`,
      );
      for (const problem of result.problems) console.log(`     ${problem}`);
    }
  } catch (error) {
    failed++;
    console.log(`FAIL seeds from ${begin}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await driver.close();
    if (failed > 0 && process.argv.includes("--keep")) console.log(`kept: ${site.folder}`);
    else await site.close();
  }
  if (failed > 0 && process.argv.includes("--keep")) break;
}
console.log(`${runs} runs, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
