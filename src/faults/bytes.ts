/** Sizes in words, in the form of 2.6's messages and tables: one decimal below ten, whole above. */

const SI_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;
const IEC_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/** `1.0 GB`, `83 MB`, `7 B`: powers of 1000. */
export function formatBytes(sizeBytes: bigint | number): string {
  return format(BigInt(sizeBytes), 1000n, SI_UNITS);
}

/** `64 KiB`, `4.0 GiB`: powers of 1024. */
export function formatIecBytes(sizeBytes: bigint | number): string {
  return format(BigInt(sizeBytes), 1024n, IEC_UNITS);
}

function format(sizeBytes: bigint, base: bigint, units: readonly string[]): string {
  if (sizeBytes < 10n) return `${sizeBytes} B`;
  let unit = 0;
  let scale = 1n;
  while (unit + 1 < units.length && sizeBytes >= scale * base) {
    scale *= base;
    unit++;
  }
  const value = Math.floor((Number(sizeBytes) / Number(scale)) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
