import { isatty } from "node:tty";
import { defaultServerConfigPath } from "../../../config/defaults.ts";
import type { DatabaseSummary, PlannedReplacement } from "../../../daemon/ms/replace.ts";
import { formatRanks } from "../../../system/ranks.ts";
import { askConsent } from "../../dmg/confirm.ts";

/** Options of every `ms` command. */
export const msOptions = {
  "ignore-config": {
    type: "boolean",
    description: "Taken for 2.6's sake; the configuration is needed to find the database",
  },
  config: {
    type: "string",
    alias: "o",
    description: `Server configuration (default: ${defaultServerConfigPath})`,
    valueHint: "path",
  },
} as const;

export const forceOption = {
  force: { type: "boolean", alias: "f", description: "Don't prompt for confirmation" },
} as const;

export const dryRunOption = {
  "dry-run": { type: "boolean", description: "Say what would be done, and do nothing" },
} as const;

/**
 * Asks before something that cannot be undone by itself. Unlike dmg, also where nobody sits: without --force
 * a script gets an error, not a surprise.
 */
export async function consent(text: string, force: boolean): Promise<void> {
  if (force) return;
  if (!isatty(0)) throw new Error(`${text}\nconsent not given: there is no terminal to ask on; use --force`);
  await askConsent(text);
}

export function summaryText({ dataVersion, ranks, pools }: DatabaseSummary): string {
  return `version ${dataVersion}, ranks ${formatRanks(ranks) || "none"}, pools ${pools.join(", ") || "none"}`;
}

export function summaryJson({ dataVersion, ranks, pools }: DatabaseSummary) {
  return { data_version: dataVersion, ranks, pools };
}

/** What a replacement does to the database of this host. */
export function planText({ before, after, unreadable }: PlannedReplacement): string {
  const now =
    before === undefined
      ? unreadable === undefined
        ? "nothing"
        : `unreadable: ${unreadable}`
      : summaryText(before);
  return `  on this replica now: ${now}\n  afterwards:          ${summaryText(after)}`;
}

export function planJson({ before, after, unreadable }: PlannedReplacement) {
  return {
    before: before === undefined ? null : summaryJson(before),
    unreadable: unreadable ?? "",
    after: summaryJson(after),
  };
}

/** What to do next, after the database was replaced. */
export const afterwards = `Start daos_server on this host first: it founds the management service anew with these data.
The other replicas put theirs aside (they are kept) and join it when they are started.`;
