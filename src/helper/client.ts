import { errorText, Fault } from "../faults/fault.ts";
import { answerSchema, type HelperRequestInit } from "./protocol.ts";
import { SELF_ARGV0, selfCommand } from "./self.ts";

/** PrivilegedHelper… of codes-2.6.tsv. */
const NOT_PRIVILEGED = 3;
const NOT_AVAILABLE = 4;
const REQUEST_FAILED = 5;

/** Mounts are quick; what hangs here is a device. */
const DEFAULT_TIMEOUT_MS = 60_000;
/** An answer, or a crash report on stderr, is shorter. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
/** Where vendor libraries are looked for is said to a server by its environment, and passed on. */
const LIBRARY_VARIABLES = ["SPDK_LIB_DIR", "LD_LIBRARY_PATH", "FI_PROVIDER_PATH"] as const;

export interface HelperOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** What the helper and its libraries say on stderr, line by line, as it comes: progress and warnings. */
  readonly onLine?: (line: string) => void;
  /** Starts the helper; for tests. */
  readonly command?: readonly string[];
}

/**
 * Runs `daosctl helper` once for one request and resolves when it is done, with what it found out (unchecked:
 * see ask.ts).
 * @throws Fault "helper": 3 when the helper lacks the rights, 4 when it cannot be run, 5 when the request failed,
 * timed out, or the helper died; `reason` is the name of the errno ("EBUSY") where there is one.
 */
export async function requestHelper(
  request: HelperRequestInit,
  options: HelperOptions = {},
): Promise<unknown> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, command = [...selfCommand(), "helper"] } = options;
  signal?.throwIfAborted();
  const child = start(command, JSON.stringify(request));
  let lateMs: number | undefined;
  const kill = () => killGroup(child.pid);
  const timer = setTimeout(() => {
    lateMs = timeoutMs;
    kill();
  }, timeoutMs);
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const [stdout, stderr] = await Promise.all([
      readBounded(child.stdout),
      readBounded(child.stderr, options.onLine),
      child.exited,
    ]);
    signal?.throwIfAborted();
    if (lateMs !== undefined) throw requestFailed(request.op, `no answer within ${lateMs} ms`);
    if (child.exitCode !== 0 || stdout === "") {
      const end = child.signalCode ?? `exit status ${child.exitCode}`;
      throw requestFailed(
        request.op,
        `the helper died (${end}) ${stderr.trim().split("\n").pop() ?? ""}`.trim(),
      );
    }
    return checkAnswer(request.op, stdout);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
  }
}

/** The helper leads a process group, so that whatever it starts can be ended with it. */
function start(command: readonly string[], request: string) {
  try {
    return Bun.spawn([...command], {
      argv0: SELF_ARGV0,
      // Nothing of the server's environment is the helper's business, least of all BUN_ variables.
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...libraryEnvironment() },
      cwd: "/",
      stdin: new TextEncoder().encode(request),
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
  } catch (error) {
    throw new Fault(
      "helper",
      NOT_AVAILABLE,
      `the helper cannot be run: ${errorText(error)}`,
      "check the installation of daosctl",
    );
  }
}

function libraryEnvironment(): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of LIBRARY_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) passed[name] = value;
  }
  // SPDK's libraries need each other in circles, which only the loader itself resolves, in its own places.
  const spdk = passed["SPDK_LIB_DIR"];
  if (spdk?.startsWith("/")) {
    passed["LD_LIBRARY_PATH"] = [spdk, passed["LD_LIBRARY_PATH"]].filter(Boolean).join(":");
  }
  return passed;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function readBounded(
  stream: ReadableStream<Uint8Array>,
  onLine?: (line: string) => void,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let unfinished = "";
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    if (onLine === undefined) continue;
    const lines = (unfinished + Buffer.from(chunk).toString("utf8")).split("\n");
    unfinished = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (unfinished !== "") onLine?.(unfinished);
  return Buffer.concat(chunks).toString("utf8");
}

function checkAnswer(op: string, text: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw requestFailed(op, `the helper answered nonsense: ${errorText(error)}`);
  }
  const answer = answerSchema.safeParse(json);
  if (!answer.success) throw requestFailed(op, `the helper answered nonsense: ${answer.error.message}`);
  if (answer.data.ok) return answer.data.value;
  const { message, code, fault } = answer.data;
  if (fault !== undefined) {
    throw new Fault(fault.domain, fault.code, fault.description, fault.resolution, fault.reason);
  }
  if (code !== "EPERM" && code !== "EACCES") throw requestFailed(op, message, code);
  throw new Fault(
    "helper",
    NOT_PRIVILEGED,
    `not allowed to ${op}: ${message}`,
    "run the server as root, or give it the helper unit that root runs",
    code,
  );
}

function requestFailed(op: string, message: string, code = ""): Fault {
  return new Fault("helper", REQUEST_FAILED, `${op} failed: ${message}`, "", code);
}
