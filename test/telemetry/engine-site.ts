/**
 * A site whose engine measures, in the IPC namespace that this program was started in: prints what dmg saw of its
 * metrics as JSON. Its own program because System V keys are the host's, and `unshare -i` needs one.
 */
import fs from "node:fs";
import { bringUp, createSite, freePort } from "../support/site.ts";
import { waitFor } from "../support/wait.ts";

const port = await freePort();
const site = await createSite({ engines: 2, engineLines: "  env_vars: [DAOS_LAB_TELEMETRY=1]\n" });
const [server] = site.servers;
if (server === undefined) throw new Error("no server");
fs.appendFileSync(server.configFile, `\ntelemetry_port: ${port}\n`);

const segments = () => fs.readFileSync("/proc/sysvipc/shm", "utf8").trimEnd().split("\n").length - 1;
const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
const enginePids = () =>
  [...server.log().matchAll(/emulated engine .* pid (\d+)/g)].map((match) => Number(match[1]));

try {
  await bringUp(site);
  await waitFor("the ranks' metrics", async () => (await scrape()).includes('engine_rank{rank="1"} 1'));
  const before = segments();
  const text = await scrape();
  const list = await site.dmg("telemetry", "metrics", "list", "-l", "127.0.0.1", "-p", String(port));
  const query = await site.dmg(
    ...["telemetry", "metrics", "query", "-l", "127.0.0.1", "-p", String(port), "-m", "engine_rank"],
  );
  // A killed engine leaves its segment, and is measured no more.
  const [killed] = enginePids();
  if (killed === undefined) throw new Error("no engine");
  process.kill(killed, "SIGKILL");
  await waitFor("the engine to be gone", async () => /state="Errored"\} 1/.test(await scrape()));
  const afterKill = (await scrape()).split("\n").filter((line) => line.startsWith("engine_rank{")).length;
  const leftByKill = segments();
  const status = await server.signal("SIGTERM");
  console.log(
    JSON.stringify({ before, text, list, query, afterKill, leftByKill, status, afterStop: segments() }),
  );
} catch (error) {
  console.error(server.log());
  throw error;
} finally {
  await site.close();
}
