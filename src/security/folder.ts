import { randomUUID } from "node:crypto";
import { access, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type CertificateFiles, certificateFiles } from "./certificates.ts";

/**
 * The files of a set of certificates below a folder, as `cert init` and DAOS's own script lay them out: `folder` holds
 * `daosCA`, or is it.
 * @throws Error when there is none
 */
export async function findCertificates(folder: string): Promise<CertificateFiles> {
  const candidates = [folder, dirname(join(folder, "."))];
  for (const candidate of candidates) {
    if (candidate !== folder && basename(join(folder, ".")) !== "daosCA") continue;
    const files = certificateFiles(candidate);
    if (await exists(files.caCert)) return files;
  }
  throw new Error(`${folder} holds no certificates: ${certificateFiles(folder).caCert} was not found`);
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Writes a file as one step, durable: whoever reads it finds the old text or the new one. The draft beside it is made
 * anew, with its final permissions from the start, so that nobody can have prepared or opened it.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  const file = await open(draft, "wx", mode);
  try {
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error;
  }
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
}
