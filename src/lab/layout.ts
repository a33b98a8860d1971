import { join, resolve } from "node:path";
import { labFault } from "./error.ts";

/** The folder of a lab when neither a flag nor DAOSCTL_LAB_DIR names one. */
export const defaultLabFolder = ".daosctl-lab";

/** Longest path of a Unix socket: sun_path holds 108 bytes, the last of which is zero. */
const maximumSocketPathBytes = 107;
/** Name of the longest socket in a server's folder; pid_max is at most 4194304. */
const longestSocketName = "daos_engine_4194304.sock";

/** Where everything of one server is. */
export interface ServerLayout {
  readonly index: number;
  readonly name: string;
  readonly dir: string;
  readonly config: string;
  /** Folder of its sockets. */
  readonly runDir: string;
  readonly log: string;
  /** What the process writes to stdout and stderr. */
  readonly output: string;
  engineLog(engine: number): string;
  scmMount(engine: number): string;
}

/** Where everything of a lab is: nothing of it is outside `dir`. */
export interface LabLayout {
  readonly dir: string;
  /** What marks the folder as a lab's, and says what it is made of. */
  readonly record: string;
  readonly lock: string;
  /** The programs by their names, for a person's PATH and the servers'. */
  readonly bin: string;
  readonly certificates: string;
  readonly controlConfig: string;
  readonly agent: {
    readonly dir: string;
    readonly config: string;
    readonly runDir: string;
    readonly socket: string;
    readonly log: string;
    readonly output: string;
  };
  server(index: number): ServerLayout;
}

/** The folder that a command means: the flag, else DAOSCTL_LAB_DIR, else one in the current folder. */
export function labFolder(
  flag: string | undefined,
  env: Record<string, string | undefined> = process.env,
): string {
  return resolve(flag || env.DAOSCTL_LAB_DIR || defaultLabFolder);
}

export function labLayout(dir: string): LabLayout {
  const agentDir = join(dir, "agent");
  return {
    dir,
    record: join(dir, "lab.json"),
    lock: join(dir, "lab.lock"),
    bin: join(dir, "bin"),
    certificates: join(dir, "certs"),
    controlConfig: join(dir, "daos_control.yml"),
    agent: {
      dir: agentDir,
      config: join(agentDir, "daos_agent.yml"),
      runDir: join(agentDir, "run"),
      socket: join(agentDir, "run", "daos_agent.sock"),
      log: join(agentDir, "agent.log"),
      output: join(agentDir, "output"),
    },
    server(index) {
      const home = join(dir, `s${index}`);
      return {
        index,
        name: `s${index}`,
        dir: home,
        config: join(home, "daos_server.yml"),
        runDir: join(home, "run"),
        log: join(home, "server.log"),
        output: join(home, "output"),
        engineLog: (engine) => join(home, `engine${engine}.log`),
        scmMount: (engine) => join(home, `scm${engine}`),
      };
    },
  };
}

/** @throws Fault when sockets in the lab's folder would have names that the system cannot hold. */
export function checkSocketPaths(layout: LabLayout, servers: number): void {
  const longest = join(layout.server(servers - 1).runDir, longestSocketName);
  const excess = Buffer.byteLength(longest) - maximumSocketPathBytes;
  if (excess <= 0) return;
  throw labFault(
    `the folder ${layout.dir} is ${excess} bytes too deep for the Unix sockets in it`,
    "choose a folder with a shorter path, such as --dir /tmp/lab",
  );
}
