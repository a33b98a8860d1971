import { CString, type Pointer, ptr, read } from "bun:ffi";
import os from "node:os";
import { bindLibc, cString, SysError } from "./libc.ts";

/**
 * Names of users and groups as the system knows them (NSS: files, LDAP, SSSD …). These calls can take as long as
 * a directory server does, so they belong into a helper, never into a daemon.
 */
const libc = bindLibc({
  getpwuid_r: { args: ["u32", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  getgrgid_r: { args: ["u32", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  getgrouplist: { args: ["ptr", "u32", "ptr", "ptr"], returns: "i32" },
});

// struct passwd and struct group of glibc on 64-bit machines (checked in test/ffi/users.test.ts).
const PASSWD_BYTES = 48;
const PASSWD_GID = 20;
const GROUP_BYTES = 32;

const FIRST_BUFFER_BYTES = 4096;
/** A group with very many members needs that much. */
const LAST_BUFFER_BYTES = 16 * 1024 * 1024;
const MAX_GROUPS = 65_536;

export interface UserEntry {
  readonly name: string;
  /** Its group at log-in. */
  readonly gid: number;
}

/** The user, or undefined when there is none of that number. @throws SysError when the source cannot be asked */
export function findUser(uid: number): UserEntry | undefined {
  const entry = new Uint8Array(PASSWD_BYTES);
  return findEntry("getpwuid_r", libc.getpwuid_r, uid, entry, (at) => ({
    name: textAt(at),
    gid: read.u32(at, PASSWD_GID),
  }));
}

/** The name of a group, or undefined when there is none of that number. @throws SysError as above */
export function findGroupName(gid: number): string | undefined {
  return findEntry("getgrgid_r", libc.getgrgid_r, gid, new Uint8Array(GROUP_BYTES), textAt);
}

/** All groups of a user, the one given first. */
export function groupsOfUser(name: string, gid: number): number[] {
  const user = cString(name);
  for (let room = 64; ; room *= 4) {
    const gids = new Uint32Array(room);
    const count = new Int32Array([room]);
    if (libc.getgrouplist(user, gid, gids, count) >= 0) return [...gids.subarray(0, count[0])];
    if (room >= MAX_GROUPS) throw new SysError("getgrouplist", os.constants.errno.ERANGE, name);
  }
}

type Lookup = (
  id: number,
  entry: Uint8Array,
  buffer: Uint8Array,
  length: number,
  result: BigUint64Array,
) => number;

/** Both functions answer 0 and a null result for a number nobody has, and ERANGE for too small a buffer. */
function findEntry<T>(
  syscall: string,
  lookup: Lookup,
  id: number,
  entry: Uint8Array,
  convert: (at: Pointer) => T,
): T | undefined {
  for (let room = FIRST_BUFFER_BYTES; ; room *= 4) {
    const buffer = new Uint8Array(room);
    const result = new BigUint64Array(1);
    const error = lookup(id, entry, buffer, room, result);
    if (error === 0) return result[0] === 0n ? undefined : convert(ptr(entry));
    const { ERANGE, ENOENT, ESRCH } = os.constants.errno;
    if (error === ENOENT || error === ESRCH) return undefined;
    if (error !== ERANGE || room >= LAST_BUFFER_BYTES) throw new SysError(syscall, error, String(id));
  }
}

/** The name that both structures begin with a pointer to. */
function textAt(at: Pointer): string {
  return new CString(read.ptr(at, 0) as Pointer).toString();
}
