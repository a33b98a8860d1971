import { defineCommand } from "citty";
import { memberResultsError, systemExclude } from "../../../client/system.ts";
import { formatRanks } from "../../../system/ranks.ts";
import { type Arguments, rankSelection } from "../arguments.ts";
import { rankList } from "../options.ts";
import { runDmg } from "../session.ts";
import { memberResultsDocument } from "../views/system.ts";

export const command = defineCommand({
  meta: { name: "exclude", description: "Exclude ranks from DAOS system" },
  args: rankList,
  run: ({ args }) => excludeRanks(args, false),
});

/** Excludes the ranks named, or clears their exclusion: `clear-exclude` is this with a flag. */
export function excludeRanks(args: Arguments, clear: boolean): Promise<void> {
  return runDmg(args, {}, async (session) => {
    const selection = rankSelection(args);
    if (selection.ranks.length === 0 && selection.hosts.length === 0) {
      throw new Error("no ranks or hosts specified");
    }
    const answer = await systemExclude(await session.client(), { ...selection, clear });
    const error = memberResultsError(answer);
    const updated = formatRanks(answer.results.map((result) => result.rank));
    return {
      response: memberResultsDocument(answer),
      text: `updated ranks: ${updated}`,
      warnings: error === undefined ? "" : `Errors: ${error.message}`,
      // 2.6 tells of failed ranks but succeeds, unless the document is wanted.
      error: session.json ? error : undefined,
    };
  });
}
