import path from "node:path";

const root = path.resolve(import.meta.dirname, "..", "..");

/**
 * How to start daosctl in a test: the built executable when the runner names one (DAOSCTL), else the
 * sources under the running Bun, so that a single test file can be tried without a build.
 */
export function daosctl(...args: string[]): string[] {
  const executable = process.env["DAOSCTL"];
  if (executable !== undefined) return [executable, ...args];
  return [process.execPath, "run", path.join(root, "src", "main.ts"), ...args];
}

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command line to its end. */
export async function run(
  argv: string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Finished> {
  const child = Bun.spawn(argv, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}
