/** More than half. */
export function isMajority(of: readonly number[], ranks: ReadonlySet<number>): boolean {
  const count = of.filter((rank) => ranks.has(rank)).length;
  return count * 2 > of.length;
}

/**
 * Asks everybody at once and resolves as soon as the answers so far are enough, or when all have answered.
 * Later answers still reach `onAnswer`.
 */
export function gather<T>(
  ranks: readonly number[],
  ask: (rank: number) => Promise<T>,
  onAnswer: (rank: number, answer: T | Error) => void,
  enough: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let open = ranks.length;
    const settle = (rank: number, answer: T | Error) => {
      open--;
      onAnswer(rank, answer);
      if (open === 0 || enough()) resolve();
    };
    if (open === 0) {
      resolve();
      return;
    }
    for (const rank of ranks) {
      ask(rank).then(
        (answer) => settle(rank, answer),
        (error: unknown) => settle(rank, error instanceof Error ? error : new Error(String(error))),
      );
    }
  });
}
