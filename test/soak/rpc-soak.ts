/**
 * The long soak: `bun test/soak/rpc-soak.ts [connections] [calls a connection] [rounds]`, by default 1,000 connections
 * and 100,000 calls in each of 3 rounds. Prints every error and leaves with 1 when there was one.
 */
import { soak } from "./soak.ts";

const [connections = 1000, callsPerConnection = 100, rounds = 3] = process.argv.slice(2).map(Number);
let failed = false;
for (let round = 1; round <= rounds; round++) {
  const result = await soak({ connections, callsPerConnection, inFlight: 2, timeoutMs: 60_000 });
  for (const error of result.errors) console.log(error);
  failed ||= result.errors.length > 0 || result.answered !== connections * callsPerConnection;
  const { before, during, after } = result;
  console.log(
    `round ${round}: ${result.answered} calls answered, ${result.errors.length} errors, ${connections} connections, ` +
      `${result.seconds.toFixed(1)} s, server CPU ${during.cpuMs - before.cpuMs} ms, ` +
      `files ${before.files} -> ${during.files} -> ${after.files}, ` +
      `memory ${before.rssMiB} -> ${during.rssMiB} -> ${after.rssMiB} MiB`,
  );
}
process.exit(failed ? 1 : 0);
