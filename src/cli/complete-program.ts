import { resolveCommand } from "./command.ts";
import { type Candidate, complete, type ValueRequest } from "./complete.ts";
import { programTree } from "./programs.ts";

/**
 * Prints what may stand next on a command line of `program`, one word a line: what 2.6's programs do when
 * GO_FLAGS_COMPLETION is set, so their completion scripts work too. With the value "described" each word is
 * followed by a tab and what it means. Never fails: a shell that completes has no place for an error.
 */
export async function completeProgram(program: string, argv: readonly string[]): Promise<void> {
  const described = process.env["GO_FLAGS_COMPLETION"] === "described";
  let found: readonly Candidate[] = [];
  try {
    // `daosctl help` takes the words of a command line.
    const words = program === "daosctl" && argv[0] === "help" && argv.length > 1 ? argv.slice(1) : argv;
    const root = await resolveCommand(await programTree(program));
    found = await complete(root, words, (request) => valuesOf(program, request));
  } catch {
    // Nothing is offered then.
  }
  const lines = found.map(({ word, text }) => (described && text ? `${word}\t${text}` : word));
  if (lines.length > 0) console.log(lines.join("\n"));
}

async function valuesOf(program: string, request: ValueRequest): Promise<readonly Candidate[]> {
  if (["path", "folder", "file..."].includes(request.hint)) {
    const { fileCandidates } = await import("./complete-files.ts");
    return fileCandidates(request.typed);
  }
  const underDaosctl = program === "daosctl";
  const path = underDaosctl ? request.path.slice(1) : request.path;
  if ((underDaosctl ? request.path[0] : program) !== "dmg") return [];
  const { dmgValues } = await import("../commands/dmg/complete.ts");
  return await dmgValues({ ...request, path });
}
