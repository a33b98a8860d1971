/** The programs that the one executable is, and where their command trees are; each loads only its own. */
import type { AnyCommand } from "./command.ts";

export interface Program {
  /** One line for the page of daosctl itself. */
  readonly summary: string;
  /** The name it also answers to, through a symbolic link. */
  readonly link?: string;
  readonly load: () => Promise<AnyCommand>;
}

/** Under the names they have as commands of daosctl, in the order they are shown. */
export const programs: Readonly<Record<string, Program>> = {
  lab: {
    summary: "Bring up a whole DAOS system on this machine, to try things out",
    load: () => import("../commands/lab/index.ts").then((module) => module.command),
  },
  server: {
    summary: "Run and prepare a DAOS server",
    link: "daos_server",
    load: () => import("../commands/server/index.ts").then((module) => module.command),
  },
  agent: {
    summary: "Run the client-side agent",
    link: "daos_agent",
    load: () => import("../commands/agent/index.ts").then((module) => module.command),
  },
  cert: {
    summary: "Make, check and replace the certificates of a system",
    load: () => import("../commands/cert/index.ts").then((module) => module.command),
  },
  token: {
    summary: "Let new nodes get a certificate with a token",
    load: () => import("../commands/token/index.ts").then((module) => module.command),
  },
  dmg: {
    summary: "Administer a DAOS system",
    link: "dmg",
    load: () => import("../commands/dmg/index.ts").then((module) => module.command),
  },
  storage: {
    summary: "Prepare, reset and scan the storage of this node",
    load: () => import("../commands/storage/index.ts").then((module) => module.command),
  },
  completion: {
    summary: "Print a script that completes command lines in a shell",
    load: () => import("../commands/completion.ts").then((module) => module.command),
  },
  help: {
    summary: "Show the help or the manual page of a command",
    load: () => import("../commands/help.ts").then((module) => module.command),
  },
  version: {
    summary: "Print the version",
    load: () => import("../commands/version.ts").then((module) => module.command),
  },
};

/** The command tree of a program by the name it was called by: daosctl's own holds all others. */
export async function programTree(program: string): Promise<AnyCommand> {
  if (program === "daosctl") {
    const subCommands = Object.fromEntries(Object.entries(programs).map(([name, { load }]) => [name, load]));
    return {
      meta: { name: "daosctl", description: "The DAOS control plane in one executable" },
      subCommands,
    };
  }
  const found = Object.entries(programs).find(([name, { link }]) => name === program || link === program);
  if (found === undefined) throw new Error(`there is no program "${program}"`);
  return await found[1].load();
}
