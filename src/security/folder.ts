import { basename, dirname, join } from "node:path";
import { exists } from "../files/exists.ts";
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
