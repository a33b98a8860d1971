import { open } from "node:fs/promises";

/** Writes a new file, readable by its owner alone; it would survive power loss when this resolves. */
export async function writeSynced(path: string, data: string | Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}
