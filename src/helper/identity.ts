import { findGroupName, findUser, groupsOfUser } from "../ffi/users.ts";

/** Who a process runs as, by name. */
export interface NamedIdentity {
  readonly user: string;
  readonly group: string;
  /** Groups without a name are left out. */
  readonly groups: readonly string[];
}

/** @throws Error when the user or the group has no name. */
export function findIdentity(uid: number, gid: number): NamedIdentity {
  const user = findUser(uid);
  if (user === undefined) throw new Error(`no user has the number ${uid}`);
  const group = findGroupName(gid);
  if (group === undefined) throw new Error(`no group has the number ${gid}`);
  const groups = groupsOfUser(user.name, user.gid).map(findGroupName);
  return { user: user.name, group, groups: groups.filter((name) => name !== undefined) };
}
