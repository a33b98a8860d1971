import { type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import { bindLibc, isSysError, sysError } from "./libc.ts";

/** System V shared memory. None of these calls waits for anybody. */
const lib = bindLibc({
  shmget: { args: ["i32", "u64", "i32"], returns: "i32" },
  shmctl: { args: ["i32", "i32", "ptr"], returns: "i32" },
  shmat: { args: ["i32", "ptr", "i32"], returns: "ptr" },
  shmdt: { args: ["ptr"], returns: "i32" },
});

const IPC_CREAT = 0o1000;
const IPC_EXCL = 0o2000;
const IPC_RMID = 0;
const IPC_STAT = 2;
const SHM_RDONLY = 0o10000;
/** shmat's (void *)-1, as bun:ffi gives it. */
const MAP_FAILED = 2 ** 64;

/** struct shmid_ds of 64-bit Linux (asm-generic/shmbuf.h), from its ipc64_perm of 48 bytes on. */
const SHMID_DS_BYTES = 112;
const CREATOR_UID_AT = 12;
const SIZE_AT = 48;
const CHANGED_AT = 72;
const CREATOR_PID_AT = 80;
const ATTACHED_AT = 88;

export interface SharedMemory {
  readonly id: number;
  readonly sizeBytes: number;
  readonly creatorPid: number;
  readonly creatorUid: number;
  /** When it was made or last given to another owner: seconds since 1970. */
  readonly changedAtSeconds: number;
  /** How many processes have it mapped now. */
  readonly attached: number;
}

/** The segment with `key`, or undefined when there is none. @throws SysError EACCES … */
export function findSharedMemory(key: number): SharedMemory | undefined {
  const id = lib.shmget(key, 0n, 0);
  if (id < 0) {
    const error = sysError("shmget", keyText(key));
    if (isSysError(error, "ENOENT")) return undefined;
    throw error;
  }
  const stat = Buffer.alloc(SHMID_DS_BYTES);
  if (lib.shmctl(id, IPC_STAT, ptr(stat)) < 0) throw sysError("shmctl", keyText(key));
  return {
    id,
    sizeBytes: Number(stat.readBigUInt64LE(SIZE_AT)),
    creatorPid: stat.readInt32LE(CREATOR_PID_AT),
    creatorUid: stat.readUInt32LE(CREATOR_UID_AT),
    changedAtSeconds: Number(stat.readBigInt64LE(CHANGED_AT)),
    attached: Number(stat.readBigUInt64LE(ATTACHED_AT)),
  };
}

/** A copy of what a segment holds now. @throws SysError when it is gone or may not be read */
export function copySharedMemory(segment: SharedMemory): Uint8Array {
  const address = attach(segment.id, SHM_RDONLY);
  try {
    return new Uint8Array(toArrayBuffer(address, 0, segment.sizeBytes)).slice();
  } finally {
    lib.shmdt(address);
  }
}

export interface OwnSharedMemory {
  /** Where it lies in this process, as pointers within it are to be written. */
  readonly address: bigint;
  /** The memory itself. Not to be used after close(). */
  readonly bytes: Uint8Array;
  /** Unmaps and removes it. */
  close(): void;
}

/** Makes a segment, readable by our group. @throws SysError EEXIST when the key is taken, ENOSPC … */
export function createSharedMemory(key: number, sizeBytes: number): OwnSharedMemory {
  const id = lib.shmget(key, BigInt(sizeBytes), IPC_CREAT | IPC_EXCL | 0o660);
  if (id < 0) throw sysError("shmget", keyText(key));
  const address = attach(id, 0);
  return {
    address: BigInt(address),
    bytes: new Uint8Array(toArrayBuffer(address, 0, sizeBytes)),
    close() {
      lib.shmdt(address);
      removeSharedMemory(id);
    },
  };
}

/** Removes a segment; those who have it mapped keep it until they end. One that is gone is no error. */
export function removeSharedMemory(id: number): void {
  if (lib.shmctl(id, IPC_RMID, null) === 0) return;
  const error = sysError("shmctl");
  if (!isSysError(error, "EINVAL", "EIDRM")) throw error;
}

function attach(id: number, flags: number): Pointer {
  const address = lib.shmat(id, null, flags);
  if (address === null || Number(address) < 0 || Number(address) >= MAP_FAILED) throw sysError("shmat");
  return address as Pointer;
}

function keyText(key: number): string {
  return `key 0x${(key >>> 0).toString(16)}`;
}
