/**
 * A server in this process, with a clock that ticks as often as it can: how long the event loop was held is how late
 * a tick came. The parent says when a phase begins, and is told its worst.
 * `bun stall-process.ts <server config>`, or without one: the clock alone, to see what the machine itself does.
 */
import { loadServerConfig } from "../src/config/server.ts";
import type { Server } from "../src/daemon/server.ts";
import { createDaemonLog } from "../src/log/daemon.ts";

const TICK_MS = 1;
let worstMs = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  worstMs = Math.max(worstMs, now - last - TICK_MS);
  last = now;
}, TICK_MS);

process.on("message", (message: "worst" | "stop") => {
  if (message === "worst") process.send?.({ worstMs });
  worstMs = 0;
  last = performance.now();
  if (message === "stop") void server?.stop().then(() => process.exit(0));
});

let server: Server | undefined;
const path = process.argv[2];
if (path !== undefined) {
  const config = await loadServerConfig(path);
  const log = createDaemonLog({ prefix: "stall", file: config.controlLogFile });
  const { startServer } = await import("../src/daemon/server.ts");
  server = await startServer(
    { config, log, autoFormat: false, scmAsFolder: true, listen: ["127.0.0.1"] },
    new AbortController().signal,
  );
}
process.send?.({ ready: true });
