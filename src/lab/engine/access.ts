import { parseAce } from "./acl.ts";

/** Who asks, as the credential says: names end in "@". */
export interface Identity {
  readonly user: string;
  readonly group: string;
  readonly groups: readonly string[];
  readonly machine: string;
}

/** Owner and access control of a pool or container. */
export interface Access {
  readonly owner: string;
  readonly ownerGroup: string;
  readonly acl: readonly string[];
}

/**
 * The letters of the permissions somebody has, as DAOS evaluates an ACL: the owner's entry for the owner,
 * else the user's own, else all of the groups' together, else everyone's.
 */
export function permissionsOf(access: Access, who: Identity): string {
  const entries = access.acl.map(parseAce).filter((ace) => ace.types.includes("A"));
  const entry = (principal: string, group: boolean) =>
    entries.find((ace) => ace.principal === principal && ace.flags.includes("G") === group)?.permissions;
  if (who.user === access.owner) {
    const mine = entry("OWNER@", false);
    if (mine !== undefined) return mine;
  }
  const user = entry(who.user, false);
  if (user !== undefined) return user;
  const groups = [who.group, ...who.groups];
  const ofGroups = groups.flatMap((name) => [
    ...(name === access.ownerGroup ? [entry("GROUP@", true)] : []),
    entry(name, true),
  ]);
  const found = ofGroups.filter((permissions) => permissions !== undefined);
  if (found.length > 0) return [...new Set(found.join(""))].join("");
  return entry("EVERYONE@", false) ?? "";
}
