import { rm } from "node:fs/promises";
import type { LabLayout } from "./layout.ts";
import { withLabLock } from "./lock.ts";
import { requireRecord } from "./record.ts";
import { stopLab, unmountTiers } from "./stop.ts";

/**
 * `daosctl lab down`: stops everything, and with `purge` removes the folder. Says what was done.
 * @throws Fault when there is no lab in that folder: nothing else is ever removed.
 */
export async function labDown(layout: LabLayout, purge: boolean): Promise<string> {
  // Before the lock, which would need the folder.
  await requireRecord(layout);
  return withLabLock(layout, async () => {
    const record = await requireRecord(layout);
    const { stopped, killed } = await stopLab(layout, record);
    const lines = [
      stopped === 0 ? `Nothing ran of the lab in ${layout.dir}.` : `Stopped the lab in ${layout.dir}.`,
    ];
    if (killed.length > 0) lines.push(`Had to be killed: ${killed.join(", ")}.`);
    if (purge) {
      await unmountTiers(layout, record);
      await rm(layout.dir, { recursive: true, force: true });
      lines.push("Its folder is removed.");
    }
    return lines.join("\n");
  });
}
