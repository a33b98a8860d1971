import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { CollectRequest } from "../../bundle/collect.ts";
import { archiveFolder } from "../../bundle/files.ts";
import { parseLogRange } from "../../bundle/log-range.ts";
import { errorText } from "../../faults/fault.ts";
import { startProgress } from "../../ui/progress.ts";

export interface CollectArgs {
  readonly "stop-on-error"?: boolean;
  readonly "target-folder"?: string;
  readonly archive?: boolean;
  readonly "extra-logs-dir"?: string;
  readonly "start-date"?: string;
  readonly "end-date"?: string;
  readonly "log-start-time"?: string;
  readonly "log-end-time"?: string;
}

/** A step and the commands or logs it is done for; [""] for one that needs no words. */
export type StepWords = readonly [step: number, words: readonly string[]];

/**
 * Collects a bundle on this host and says where it is. What cannot be collected is told and left out, unless the
 * first error is to stop it.
 * @param kind "server" or "client", for the name of the default folder
 * @throws Error for dates and times that cannot be read; with --stop-on-error what could not be collected
 */
export async function collectOnHost(
  args: CollectArgs,
  kind: "server" | "client",
  steps: readonly StepWords[],
  collect: (request: CollectRequest) => Promise<void>,
): Promise<void> {
  const range = parseLogRange({
    startDate: args["start-date"] ?? "",
    endDate: args["end-date"] ?? "",
    startTime: args["log-start-time"] ?? "",
    endTime: args["log-end-time"] ?? "",
  });
  const target = targetFolder(args["target-folder"], kind);
  const stopOnError = args["stop-on-error"] === true;
  console.log(`Support Logs will be copied to ${target}`);
  const count = steps.reduce((sum, [, words]) => sum + words.length, args.archive === true ? 1 : 0);
  const progress = startProgress("collecting logs", count, "step");
  try {
    for (const [step, words] of steps) {
      for (const command of words) {
        try {
          const extraLogsDir = args["extra-logs-dir"] ?? "";
          await collect({ step, target, command, extraLogsDir, range, stopOnError });
        } catch (error) {
          if (stopOnError) throw error;
          console.error(`NOTICE: ${command === "" ? "" : `${command}: `}${errorText(error)}`);
        }
        progress.step(command);
      }
    }
    if (args.archive === true) {
      const archive = await archiveFolder(target);
      await rm(target, { recursive: true, force: true });
      progress.step("archive");
      console.log(`Archived as ${archive}`);
    }
  } finally {
    progress.end();
  }
}

function targetFolder(wanted: string | undefined, kind: string): string {
  if (wanted !== undefined && wanted !== "") return isAbsolute(wanted) ? wanted : resolve(wanted);
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return join(tmpdir(), `daos_support_${kind}_logs_${now}`);
}
