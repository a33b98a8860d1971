/**
 * The executable's entry: which program it was called as decides what is run. Everything but the two
 * fast paths is imported when it is wanted, because imports are most of a short command's time.
 */
import path from "node:path";
import { DAOS_VERSION, daosctlRevision, daosctlVersion } from "./version.ts";

type Program = "daosctl" | "dmg" | "daos_server" | "daos_agent";

const ROOT_HELP = `daosctl ${daosctlVersion}: the DAOS ${DAOS_VERSION} control plane in one executable

Usage:
  daosctl <command> [flags]

Commands:
  lab       Bring up a whole DAOS system on this machine, to try things out
  server    Run and prepare a DAOS server (also as: daos_server)
  agent     Run the client-side agent (also as: daos_agent)
  cert      Make and look at the certificates of a system
  dmg       Administer a DAOS system (also as: dmg)
  storage   Prepare, reset and scan the storage of this node
  version   Print the version

Global flags:
  -h, --help     Show this page, or that of a command
      --version  Print the version

Called through a symbolic link named dmg, daos_server or daos_agent it behaves as that program.
`;

function programName(): Program {
  const name = path.basename(process.argv0);
  return name === "dmg" || name === "daos_server" || name === "daos_agent" ? name : "daosctl";
}

/** Exits with `code` once `text` has been taken: pipes are written in full before the process ends. */
function finish(text: string, code: number): void {
  process.exitCode = code;
  console.log(text.replace(/\n$/, ""));
}

async function main(): Promise<void> {
  const program = programName();
  const argv = process.argv.slice(2);
  if (program === "daosctl") {
    const [first] = argv;
    if (first === "--version" || first === "version") {
      if (argv[1] !== "--json" && argv[1] !== "-j") {
        return finish(`daosctl ${daosctlVersion} (revision ${daosctlRevision}, DAOS ${DAOS_VERSION})`, 0);
      }
      const document = {
        name: "daosctl",
        version: daosctlVersion,
        revision: daosctlRevision,
        daos_version: DAOS_VERSION,
      };
      return finish(JSON.stringify({ response: document, error: null, status: 0 }, null, 2), 0);
    }
    if (first === undefined || first === "--help" || first === "-h" || first === "help") {
      return finish(ROOT_HELP, first === undefined ? 1 : 0);
    }
    if (first === "helper") {
      const { runHelper } = await import("./helper/child.ts");
      return runHelper(argv.slice(1));
    }
    if (first === "lab" && argv[1] === "engine") {
      const { runEmulatedEngine } = await import("./lab/engine/main.ts");
      return runEmulatedEngine(argv.slice(2));
    }
  }
  const { runProgram } = await import("./cli/run.ts");
  process.exitCode = await runProgram(program, argv);
}

await main();
