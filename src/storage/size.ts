const GIB = 1024n ** 3n;
const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/** `scm_size` and `bdev_size` are written in GiB. */
export function gibToBytes(gib: number): bigint {
  return BigInt(gib) * GIB;
}

/** "4.0 GiB", "16 GiB": one decimal below ten, as 2.6 writes binary sizes in its messages. */
export function binarySize(bytes: bigint): string {
  if (bytes < 10n) return `${bytes} B`;
  const unit = Math.min(Math.floor((bytes.toString(2).length - 1) / 10), BINARY_UNITS.length - 1);
  const value = Math.round((Number(bytes) / 1024 ** unit) * 10) / 10;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : value.toFixed(0)} ${BINARY_UNITS[unit]}`;
}
