/** The DAOS release whose contract we speak; goes into headers, names and version checks. */
export const DAOS_VERSION = "2.6.0";

/** Replaced by build.ts (`define`); a checkout run without a build has neither. */
declare const DAOSCTL_VERSION: string | undefined;
declare const DAOSCTL_REVISION: string | undefined;

export const daosctlVersion = typeof DAOSCTL_VERSION === "string" ? DAOSCTL_VERSION : "0.0.0-checkout";
export const daosctlRevision = typeof DAOSCTL_REVISION === "string" ? DAOSCTL_REVISION : "unbuilt";
