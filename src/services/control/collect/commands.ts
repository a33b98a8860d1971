/**
 * What an administrator may have a server run, by the words of 2.6's lib/support. 2.6 hands any text to a
 * shell; here a command is one of these or none.
 */
const SYSTEM_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  dmesg: ["dmesg"],
  "df -h": ["df", "-h"],
  mount: ["mount"],
  "ps axf": ["ps", "axf"],
  "top -bcn1 -w512": ["top", "-bcn1", "-w512"],
  "lspci -D": ["lspci", "-D"],
  "sysctl -a": ["sysctl", "-a"],
  printenv: ["printenv"],
  "rpm -qa --qf '(%{INSTALLTIME:date}): %{NAME}-%{VERSION}\n'": [
    "rpm",
    "-qa",
    "--qf",
    "(%{INSTALLTIME:date}): %{NAME}-%{VERSION}\n",
  ],
};

/** A line end that came as the two characters "\n" means the same. */
function canonical(command: string): string {
  return command.trim().replaceAll("\\n", "\n");
}

/** @throws Error when the command is none of those that are collected */
export function systemCommand(command: string): readonly string[] {
  const argv = SYSTEM_COMMANDS[canonical(command)];
  if (argv === undefined) throw new Error(`"${command}" is not a command that is collected`);
  return argv;
}

/** The file a command's output goes to, named as 2.6 names it. */
export function outputFileName(command: string): string {
  return command.replaceAll(" -", "_").replaceAll(" ", "_").replaceAll("/", "_");
}

/** More output than this is cut off; `top` and `sysctl` stay far below. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 120_000;

/**
 * Runs a command and gives what it wrote, both streams together.
 * @throws Error with its output when it fails or cannot be run
 */
export async function commandOutput(argv: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
  let child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  try {
    child = Bun.spawn([...argv], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: TIMEOUT_MS,
      signal,
    });
  } catch (error) {
    throw new Error(`${argv[0]}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  const [out, err, status] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).bytes(),
    child.exited,
  ]);
  const output = Buffer.concat([out, err]).subarray(0, MAX_OUTPUT_BYTES);
  if (status !== 0) throw new Error(output.toString("utf8").trim() || `${argv[0]}: exit status ${status}`);
  return output;
}
