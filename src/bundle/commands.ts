import { SELF_ARGV0, selfCommand } from "../helper/self.ts";
import { maskEnvironment } from "./secrets.ts";
import { SYSTEM_COMMANDS } from "./steps.ts";

/** More output than this is not kept; `top` and `sysctl` stay far below. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 120_000;

/** "ps axf" -> ["ps", "axf"]; single quotes keep a word together. */
export function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain! : quoted.replaceAll("\\n", "\n"),
  );
}

/**
 * What a host says of itself. 2.6 hands any text it is sent to a shell; here a command is one of those that are
 * collected, or it is refused. Values of variables that may be secrets are masked.
 * @throws Error when the command is unknown, cannot be run or fails
 */
export async function systemCommandOutput(command: string, signal?: AbortSignal): Promise<Uint8Array> {
  // A line end that came as one character means the same.
  const written = command.trim().replaceAll("\n", "\\n");
  if (!(SYSTEM_COMMANDS as readonly string[]).includes(written)) {
    throw new Error(`"${command}" is not a command that is collected`);
  }
  const output = await run(words(written), signal);
  return written === "printenv" ? Buffer.from(maskEnvironment(output.toString("utf8"))) : output;
}

/** The output of one of our own commands: ["agent", "net-scan"]. @throws as run */
export function selfOutput(command: readonly string[], signal?: AbortSignal): Promise<Uint8Array> {
  return run([...selfCommand(), ...command], signal, SELF_ARGV0);
}

/** The file a command's output goes to, named as 2.6 names it: "df -h" -> "df_h". */
export function outputFileName(command: string): string {
  return command.replaceAll(" -", "_").replaceAll(" ", "_").replaceAll("/", "_").replaceAll("\n", "\\n");
}

/**
 * Runs a program and gives what it wrote, both streams together.
 * @throws Error with its output when it fails, or saying that it is not there
 */
export async function run(argv: readonly string[], signal?: AbortSignal, argv0?: string): Promise<Buffer> {
  let child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  try {
    child = Bun.spawn([...argv], {
      ...(argv0 === undefined ? {} : { argv0 }),
      ...(signal === undefined ? {} : { signal }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${argv[0]}: ${code === "ENOENT" ? "not found" : (code ?? String(error))}`);
  }
  const [out, err, status] = await Promise.all([
    readBounded(child.stdout),
    readBounded(child.stderr),
    child.exited,
  ]);
  const output = Buffer.concat([out, err]);
  if (status !== 0) throw new Error(output.toString("utf8").trim() || `${argv[0]}: exit status ${status}`);
  return output;
}

/** Reads to the end, so that the writer is never stuck, and keeps the beginning. */
async function readBounded(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of stream) {
    if (sizeBytes < MAX_OUTPUT_BYTES) parts.push(part);
    sizeBytes += part.length;
  }
  return Buffer.concat(parts);
}
