/** `host` or `hosts`. */
export function pluralWord(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}

/** `1 host`, `3 hosts`. */
export function plural(count: number, word: string): string {
  return `${count} ${pluralWord(count, word)}`;
}
