/** One line of a benchmark: how many times the baseline of the same run. */
export interface BenchRow {
  readonly name: string;
  /** Median of the measured thing over median of the baseline. */
  readonly ratio: number;
  /** Smallest and largest ratio over the rounds. */
  readonly spread: readonly [min: number, max: number];
  /** What the ratio is of: "times" (as long), "of" (as many a second). */
  readonly unit: string;
  /** The figures behind it. */
  readonly note: string;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("a median of nothing");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A row from times in milliseconds, taken alternately in one run. */
export function ratioRow(
  name: string,
  measuredMs: readonly number[],
  baselineMs: readonly number[],
): BenchRow {
  const base = median(baselineMs);
  const ratios = measuredMs.map((value) => value / base);
  return {
    name,
    ratio: median(measuredMs) / base,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    unit: "times",
    note: `median ${median(measuredMs).toFixed(1)} ms against ${base.toFixed(1)} ms, ${measuredMs.length} rounds`,
  };
}

export function printRows(rows: readonly BenchRow[]): void {
  const width = Math.max(...rows.map((row) => row.name.length));
  for (const row of rows) {
    const [min, max] = row.spread;
    const spread = `${min.toFixed(2)} to ${max.toFixed(2)}`;
    console.log(
      `${row.name.padEnd(width)}  ${row.ratio.toFixed(2).padStart(8)} ${row.unit}  (${spread})  ${row.note}`,
    );
  }
}
