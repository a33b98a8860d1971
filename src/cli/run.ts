import { resolveCommand } from "./command.ts";
import { exitStatusOf, reportFailure } from "./failure.ts";
import { parseCommandLine } from "./parse.ts";
import { programs } from "./programs.ts";
import { UsageError } from "./usage-error.ts";

/** Runs one command line and gives the exit status. Never throws: what fails is reported. */
export async function runProgram(program: string, argv: readonly string[]): Promise<number> {
  let tree: string;
  let rest: readonly string[];
  if (program === "daosctl") {
    const [first = "", ...others] = argv;
    if (!Object.hasOwn(programs, first)) {
      const { didYouMean } = await import("./suggest.ts");
      const error = new UsageError(`unknown command "${first}"`, didYouMean(first, Object.keys(programs)));
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
    const root = await resolveCommand(await programs[tree]!.load());
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
