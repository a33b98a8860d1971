import { findSubCommand, type ResolvedCommand } from "./command.ts";
import type { PlacedCommand } from "./page.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

/** The command that `words` name, below `root`. @throws UsageError for a word that names none */
export async function findCommand(root: ResolvedCommand, words: readonly string[]): Promise<PlacedCommand> {
  const path: string[] = [];
  const chain = [root];
  for (const word of words) {
    const here = chain[chain.length - 1]!;
    const next = await findSubCommand(here, word);
    if (next === undefined) {
      const where = path.length === 0 ? "" : ` of "${path.join(" ")}"`;
      throw new UsageError(
        `unknown command "${word}"${where}`,
        didYouMean(word, Object.keys(here.subCommands)),
      );
    }
    path.push(next.name);
    chain.push(next.resolved);
  }
  return { path, chain };
}
