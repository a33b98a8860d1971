/** Sizes in bytes as 2.6 prints and reads them (github.com/dustin/go-humanize: SI and IEC units). */

const siUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;
const iecUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/** `1.0 GB`, `83 MB`, `7 B`: powers of 1000. */
export function formatBytes(sizeBytes: bigint | number): string {
  return format(BigInt(sizeBytes), 1000n, siUnits);
}

/** `64 KiB`: powers of 1024. */
export function formatIecBytes(sizeBytes: bigint | number): string {
  return format(BigInt(sizeBytes), 1024n, iecUnits);
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

const factors = new Map<string, number>([
  ["", 1],
  ["b", 1],
  ...["k", "m", "g", "t", "p", "e"].flatMap((letter, index): [string, number][] => {
    const si = 1000 ** (index + 1);
    const iec = 1024 ** (index + 1);
    return [
      [letter, si],
      [`${letter}b`, si],
      [`${letter}i`, iec],
      [`${letter}ib`, iec],
    ];
  }),
]);

/**
 * Bytes meant by `1G`, `1.5 TiB`, `10,000`.
 * @throws Error when the text is no size or does not fit 64 bits.
 */
export function parseBytes(text: string): bigint {
  const match = /^([\d.,]*)\s*(.*)$/s.exec(text.trim())!;
  const digits = match[1]!.replaceAll(",", "");
  const unit = match[2]!.trim().toLowerCase();
  const factor = factors.get(unit);
  if (!/^(\d+\.?\d*|\.\d+)$/.test(digits)) throw new Error(`"${text}" is not a size`);
  if (factor === undefined) throw new Error(`unhandled size name: ${unit}`);
  if (/^\d+$/.test(digits)) return checked(BigInt(digits) * BigInt(factor), text);
  return checked(BigInt(Math.trunc(Number(digits) * factor)), text);
}

function checked(sizeBytes: bigint, text: string): bigint {
  if (sizeBytes >= 1n << 64n) throw new Error(`too large: ${text}`);
  return sizeBytes;
}

/** `N/A` without a total, else whole percents: `42 %`. */
export function formatPercentage(part: bigint, total: bigint): string {
  if (total === 0n) return "N/A";
  return `${Math.trunc((Number(part) / Number(total)) * 100)} %`;
}
