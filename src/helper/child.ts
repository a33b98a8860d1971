/**
 * `daosctl helper …`: the short-lived child of a server.
 * - `helper exec-engine <ppid> <path> [args…]` becomes an engine (exec-engine.ts);
 * - `helper engine-metrics <index>:<rank>:<pid>…` prints what engines measure (telemetry/main.ts);
 * - `helper forget-metrics <index>…` removes what dead engines measured;
 * - `helper` alone reads one request from stdin, writes one answer to stdout (serve.ts).
 */
export async function runHelper(argv: readonly string[]): Promise<void> {
  if (argv[0] === "exec-engine") {
    const { execEngine } = await import("./exec-engine.ts");
    execEngine(argv.slice(1));
  }
  if (argv[0] === "engine-metrics") {
    const { printEngineMetrics } = await import("./telemetry/main.ts");
    await printEngineMetrics(argv.slice(1));
    return;
  }
  if (argv[0] === "forget-metrics") {
    const { forgetMetrics } = await import("./telemetry/main.ts");
    forgetMetrics(argv.slice(1));
    return;
  }
  if (argv.length > 0) {
    console.error("usage: daosctl helper");
    process.exitCode = 2;
    return;
  }
  const { serveRequest } = await import("./serve.ts");
  await serveRequest();
}
