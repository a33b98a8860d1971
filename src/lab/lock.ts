import { open, readFile, rm } from "node:fs/promises";
import { labFault } from "./error.ts";
import type { LabLayout } from "./layout.ts";
import { birthOf } from "./process.ts";

/**
 * Runs `work` while no other `lab` command changes the same lab. A lock whose holder has died is taken over.
 * @throws Fault when another command holds it.
 */
export async function withLabLock<T>(layout: LabLayout, work: () => Promise<T>): Promise<T> {
  await takeLock(layout);
  try {
    return await work();
  } finally {
    await rm(layout.lock, { force: true });
  }
}

async function takeLock(layout: LabLayout): Promise<void> {
  const own = `${process.pid} ${await birthOf(process.pid)}`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(layout.lock, "wx", 0o644);
      await file.writeFile(own);
      await file.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await readFile(layout.lock, "utf8").catch(() => "");
    const [pid = "", birth] = holder.split(" ");
    if (birth !== undefined && (await birthOf(Number(pid))) === birth) {
      throw labFault(
        `another daosctl lab command (process ${pid}) is at work in ${layout.dir}`,
        "wait until it has finished",
      );
    }
    await rm(layout.lock, { force: true });
  }
  throw labFault(`${layout.lock} could not be taken`, "remove it when no other daosctl lab command runs");
}
