import { DAOS_VERSION, daosctlRevision, daosctlVersion } from "../version.ts";

/** What `daosctl version` prints. */
export function versionText(json: boolean): string {
  if (!json) return `daosctl ${daosctlVersion} (revision ${daosctlRevision}, DAOS ${DAOS_VERSION})`;
  const document = {
    name: "daosctl",
    version: daosctlVersion,
    revision: daosctlRevision,
    daos_version: DAOS_VERSION,
  };
  return JSON.stringify({ response: document, error: null, status: 0 }, null, 2);
}
