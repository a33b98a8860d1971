/** Sizes in bytes as 2.6 reads them (github.com/dustin/go-humanize: SI and IEC units); faults/bytes.ts prints them. */

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
