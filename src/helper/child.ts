/**
 * `daosctl helper …`: the short-lived child of a server.
 * - `helper exec-engine <ppid> <path> [args…]` becomes an engine (exec-engine.ts);
 * - `helper` alone reads one request from stdin, writes one answer to stdout (serve.ts).
 */
export async function runHelper(argv: readonly string[]): Promise<void> {
  if (argv[0] === "exec-engine") {
    const { execEngine } = await import("./exec-engine.ts");
    execEngine(argv.slice(1));
  }
  if (argv.length > 0) {
    console.error("usage: daosctl helper");
    process.exitCode = 2;
    return;
  }
  const { serveRequest } = await import("./serve.ts");
  await serveRequest();
}
