/** Sizes in words, in the form of the messages of 2.6: three digits at most below ten, whole above. */

function inWords(bytes: bigint, base: number, units: readonly string[]): string {
  if (bytes < 10n) return `${bytes} B`;
  const value = Number(bytes);
  const exponent = Math.min(Math.floor(Math.log(value) / Math.log(base)), units.length - 1);
  const scaled = Math.floor((value / base ** exponent) * 10 + 0.5) / 10;
  return `${scaled < 10 ? scaled.toFixed(1) : scaled.toFixed(0)} ${units[exponent]}`;
}

/** Powers of 1000: "1.1 GB". */
export function formatBytes(bytes: bigint): string {
  return inWords(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB", "EB"]);
}

/** Powers of 1024: "16 MiB". */
export function formatIecBytes(bytes: bigint): string {
  return inWords(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
}
