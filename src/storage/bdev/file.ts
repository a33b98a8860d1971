import { open, rm } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { errorText } from "../../faults/fault.ts";
import { syncFolder } from "../../files/durable.ts";
import { faultBdevFormat } from "../faults.ts";
import { gibToBytes } from "../size.ts";
import { AIO_BLOCK_BYTES } from "./conf.ts";

/**
 * Makes a file that stands for a block device: empty, of the wanted size rounded down to whole blocks, 0600,
 * owned by who runs the server. What was there before is gone.
 * @throws Fault 302 with the reason; no file is left behind then.
 */
export async function createBdevFile(path: string, sizeGib: number): Promise<void> {
  const sizeBytes = (gibToBytes(sizeGib) / BigInt(AIO_BLOCK_BYTES)) * BigInt(AIO_BLOCK_BYTES);
  let opened = false;
  try {
    if (!isAbsolute(path)) throw new Error(`expected absolute file path but got relative (${path})`);
    if (sizeBytes === 0n) throw new Error("expected non-zero file size");
    const file = await open(path, "w", 0o600);
    opened = true;
    try {
      await file.chmod(0o600);
      await file.truncate(Number(sizeBytes));
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(path));
  } catch (error) {
    if (opened) await rm(path, { force: true });
    throw faultBdevFormat(path, errorText(error));
  }
}
