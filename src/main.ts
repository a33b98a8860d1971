/**
 * The executable's entry: which program it was called as decides what is run. Everything but the two
 * fast paths is imported when it is wanted, because imports are most of a short command's time.
 */
import path from "node:path";
import { versionText } from "./cli/version-text.ts";

type Program = "daosctl" | "dmg" | "daos_server" | "daos_agent";

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
  if (process.env["GO_FLAGS_COMPLETION"] !== undefined) {
    const { completeProgram } = await import("./cli/complete-program.ts");
    return completeProgram(program, argv);
  }
  if (program === "daosctl") {
    const [first] = argv;
    if (first === "--version" || first === "version") {
      const json = argv.slice(1).some((word) => word === "--json" || word === "-j");
      if (json || argv.length === 1 || first === "--version") return finish(versionText(json), 0);
    }
    if (
      first === undefined ||
      first === "--help" ||
      first === "-h" ||
      (first === "help" && argv.length === 1)
    ) {
      const { rootHelp } = await import("./cli/root-help.ts");
      return finish(rootHelp(), first === undefined ? 1 : 0);
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
