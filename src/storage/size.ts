const GIB = 1024n ** 3n;

/** `scm_size` and `bdev_size` are written in GiB. */
export function gibToBytes(gib: number): bigint {
  return BigInt(gib) * GIB;
}
