/** Calls in flight at once over many hosts: enough to fill a network, few enough for one descriptor table. */
export const maxFanOut = 64;

/** What one host answered. */
export type HostResult<T> =
  | { readonly host: string; readonly value: T; readonly error?: undefined }
  | { readonly host: string; readonly error: unknown; readonly value?: undefined };

export interface FanOutOptions<T> {
  /** Default maxFanOut. */
  readonly limit?: number;
  /** Told of each result as it comes, for progress. */
  readonly onResult?: (result: HostResult<T>) => void;
}

/** Asks every host, at most `limit` at once; never rejects. Results stand in the order of `hosts`. */
export async function fanOut<T>(
  hosts: readonly string[],
  ask: (host: string) => Promise<T>,
  options: FanOutOptions<T> = {},
): Promise<HostResult<T>[]> {
  const results = new Array<HostResult<T>>(hosts.length);
  let next = 0;
  const worker = async () => {
    while (next < hosts.length) {
      const index = next++;
      const host = hosts[index]!;
      const result = await ask(host).then(
        (value): HostResult<T> => ({ host, value }),
        (error): HostResult<T> => ({ host, error }),
      );
      results[index] = result;
      options.onResult?.(result);
    }
  };
  const workers = Math.min(options.limit ?? maxFanOut, hosts.length);
  await Promise.all(Array.from({ length: workers }, worker));
  return results;
}

/** A deadline for asking `hostCount` hosts: the base, and a tenth of it more for each full wave of calls. */
export function fanOutTimeoutMs(baseMs: number, hostCount: number, limit = maxFanOut): number {
  const furtherWaves = Math.max(0, Math.ceil(hostCount / limit) - 1);
  return Math.round(baseMs * (1 + furtherWaves / 10));
}
