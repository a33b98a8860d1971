import { access, constants as fsConstants } from "node:fs/promises";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { SELF_ARGV0, selfCommand } from "../helper/self.ts";

const ENGINE = "daos_engine";

/** How a process ended, in the words 2.6 uses for it. */
export function exitStatusText(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `signal: ${signalText(signal)}`;
  return code === 0 ? "process exited with 0" : `exit status ${code}`;
}

/** Names of signals as Go prints them (and strsignal, in lower case). */
const SIGNAL_TEXT: Readonly<Record<string, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGILL: "illegal instruction",
  SIGTRAP: "trace/breakpoint trap",
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGKILL: "killed",
  SIGUSR1: "user defined signal 1",
  SIGSEGV: "segmentation fault",
  SIGUSR2: "user defined signal 2",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated",
};

function signalText(signal: NodeJS.Signals): string {
  return SIGNAL_TEXT[signal] ?? `signal ${constants.signals[signal]}`;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, fsConstants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * daos_engine as 2.6 finds it: on PATH, then beside this executable.
 * @throws Error when it is in neither place
 */
export async function findEngine(searchPath: string | undefined = process.env["PATH"]): Promise<string> {
  const folders = (searchPath ?? "").split(":").filter((folder) => folder !== "");
  for (const folder of [...folders, dirname(process.execPath)]) {
    const path = join(folder, ENGINE);
    if (await isExecutable(path)) return path;
  }
  throw new Error(`can't start ${ENGINE}: not found on PATH nor beside ${process.execPath}`);
}

export interface EngineProcess {
  readonly pid: number;
  /** Resolves when the process is gone and all it wrote has been handed on. */
  readonly exited: Promise<string>;
  /** Does nothing when the process is gone. */
  signal(signal: NodeJS.Signals): void;
}

export interface EngineProcessOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  onStdout(line: string): void;
  onStderr(line: string): void;
}

/** A line longer than this is handed on in parts: an engine cannot fill our memory by not ending a line. */
const MAX_LINE_CHARACTERS = 64 * 1024;

async function forEachLine(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  const emit = (text: string) => {
    if (text !== "") onLine(text.trimEnd());
  };
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) emit(line);
    if (rest.length > MAX_LINE_CHARACTERS) {
      emit(rest);
      rest = "";
    }
  }
  emit(rest);
}

/**
 * Runs an engine that dies with us: between us and it stands the trampoline of `helper exec-engine`, which
 * asks the kernel for SIGKILL at our death and then becomes the engine. Its pid is the engine's.
 * @throws Error when the process cannot be made
 */
export function spawnEngine(options: EngineProcessOptions): EngineProcess {
  const command = [...selfCommand(), "helper", "exec-engine", String(process.pid), options.path];
  const child = Bun.spawn([...command, ...options.args], {
    argv0: SELF_ARGV0,
    env: { ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = Promise.all([
    forEachLine(child.stdout, options.onStdout),
    forEachLine(child.stderr, options.onStderr),
  ]);
  const exited = (async () => {
    await child.exited;
    // A child of the engine may hold the pipes open: what comes later is nobody's.
    await Promise.race([output, Bun.sleep(200)]);
    return exitStatusText(child.exitCode, child.signalCode as NodeJS.Signals | null);
  })();
  return {
    pid: child.pid,
    exited,
    signal(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    },
  };
}
