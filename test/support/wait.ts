/** Tries until `probe` gives something truthy; fails with its last error, or with `what`, at the deadline. */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value as NonNullable<T>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`waited ${timeoutMs} ms for ${what}${last === undefined ? "" : `: ${String(last)}`}`);
    }
    await Bun.sleep(10);
  }
}

/**
 * The error `promise` rejects with. To be used in place of `expect(promise).rejects`, which holds the event
 * loop while it waits: a server in the same process could then never answer.
 */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was expected to fail and did not");
}
