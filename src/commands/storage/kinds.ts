import { errorText, isFault } from "../../faults/fault.ts";

export const kindArgument = {
  kind: {
    type: "positional",
    required: false,
    description: "nvme or scm (default: both)",
    valueHint: "nvme|scm",
  },
} as const;

export type StorageKind = "nvme" | "scm";

/** @throws Error for another word. */
export function chosenKinds(word: unknown): StorageKind[] {
  if (word === undefined || word === "") return ["scm", "nvme"];
  if (word === "nvme" || word === "scm") return [word];
  throw new Error(`"${String(word)}" is no kind of storage: nvme or scm`);
}

/**
 * Does something for each kind, so that what one of them lacks does not keep the other from being handled.
 * @returns what was done, and the error of each that failed, said on stderr.
 * @throws the error when a single kind was asked for, or all failed.
 */
export async function forEachKind<T>(
  kinds: readonly StorageKind[],
  action: (kind: StorageKind) => Promise<T>,
): Promise<Partial<Record<StorageKind, T>>> {
  const done: Partial<Record<StorageKind, T>> = {};
  const failures: unknown[] = [];
  for (const kind of kinds) {
    try {
      done[kind] = await action(kind);
    } catch (error) {
      failures.push(error);
      if (kinds.length > 1) {
        const advice = isFault(error) && error.resolution !== "" ? ` (${error.resolution})` : "";
        console.error(`NOTICE: ${kind}: ${errorText(error)}${advice}`);
      }
    }
  }
  if (failures.length === kinds.length) throw failures[0];
  return done;
}
