/**
 * What an administrator can do about a DAOS status, by its number (`status` rows of codes-2.6.tsv). Only
 * statuses that reach the control plane and that somebody can act on are here.
 */
const hints: Readonly<Record<number, string>> = {
  [-1001]: "the pool's ACL does not let this user do that; see dmg pool get-acl",
  [-1003]: "the engine refused a value of the request; the engine log names it",
  [-1004]: "something of that name exists already; choose another or remove it first",
  [-1005]: "nothing of that name exists; see dmg pool list",
  [-1006]: "an engine cannot be reached; see dmg system query --not-ok and the fabric settings",
  [-1007]: "not enough free space; see dmg storage query usage and dmg pool list",
  [-1009]: "an engine ran out of memory; see the engine log",
  [-1010]: "this engine build cannot do that",
  [-1011]: "an engine did not answer in time; see dmg system query --not-ok, then try again",
  [-1012]: "the pool or container is in use; disconnect its clients (dmg pool evict) or use --force",
  [-1013]: "try again in a moment",
  [-1019]: "a rank is not part of the group; see dmg system query",
  [-1032]: "a rank is excluded; see dmg system query, then dmg pool reintegrate",
  [-1036]: "the group map is changing; try again in a moment",
  [-2001]: "a device failed to read or write; see dmg storage query list-devices --health",
  [-2007]: "the pool map has changed meanwhile; try again",
  [-2008]: "the pool service is choosing a leader; try again in a moment",
  [-2009]: "a storage target could not be created; see the engine log",
  [-2017]: "the engine is shutting down",
  [-2024]: "the record size does not fit",
  [-2026]: "data was lost; see dmg pool query and the engine log",
  [-2029]: "agent and server do not fit together; compare their versions",
  [-2031]: "the redundancy factor is broken: too many ranks are down; see dmg system query --not-ok",
  [-2038]: "control plane versions do not fit together; compare dmg version with the servers",
  [-2042]: "an NVMe device failed; see dmg storage query list-devices --health",
};

export function statusHint(status: number): string | undefined {
  return hints[status];
}
