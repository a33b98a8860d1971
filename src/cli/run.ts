import type { AnyCommand } from "./command.ts";
import { resolveCommand } from "./command.ts";
import { exitStatusOf, reportFailure } from "./failure.ts";
import { parseCommandLine } from "./parse.ts";
import { UsageError } from "./usage-error.ts";

type Loader = () => Promise<AnyCommand>;

/** The programs and where their command trees are; each loads only its own. */
const TREES: Record<string, Loader> = {
  dmg: () => import("../commands/dmg/index.ts").then((module) => module.command),
  server: () => import("../commands/server/index.ts").then((module) => module.command),
  agent: () => import("../commands/agent/index.ts").then((module) => module.command),
  cert: () => import("../commands/cert/index.ts").then((module) => module.command),
  storage: () => import("../commands/storage/index.ts").then((module) => module.command),
  lab: () => import("../commands/lab/index.ts").then((module) => module.command),
};

/** Runs one command line and gives the exit status. Never throws: what fails is reported. */
export async function runProgram(program: string, argv: readonly string[]): Promise<number> {
  let tree: string;
  let rest: readonly string[];
  if (program === "daosctl") {
    const [first = "", ...others] = argv;
    if (TREES[first] === undefined) {
      const { didYouMean } = await import("./suggest.ts");
      const error = new UsageError(`unknown command "${first}"`, didYouMean(first, Object.keys(TREES)));
      reportFailure("daosctl", error, false);
      return 1;
    }
    tree = first;
    rest = others;
  } else {
    tree = program.replace(/^daos_/, "");
    rest = argv;
  }
  const shown = program === "daosctl" ? `daosctl ${tree}` : program;
  // 2.6's dmg puts its name before each error, its daos_server and daos_agent do not.
  const errorPrefix = tree === "dmg" ? "dmg" : "";
  let json = rest.includes("--json") || rest.includes("-j");
  try {
    const root = await resolveCommand(await TREES[tree]!());
    const parsed = await parseCommandLine(root, rest);
    if (parsed.helpWanted) {
      const { renderHelp } = await import("./help.ts");
      console.log((await renderHelp(shown, parsed.path, parsed.chain)).replace(/\n$/, ""));
      return 0;
    }
    json = parsed.args["json"] === true;
    const leaf = parsed.chain[parsed.chain.length - 1]!;
    const data = {};
    await leaf.command.run?.({ rawArgs: [...rest], args: parsed.args as never, cmd: leaf.command, data });
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    reportFailure(errorPrefix, error, json);
    return exitStatusOf(error);
  }
}
