/** What happened, told as it happens; metrics.ts counts it. Nothing here waits or throws. */
export interface Recorder {
  /** This server's management service began to lead (true) or stopped. */
  leadership(leads: boolean): void;
  /** One of our engines asked to join, and was answered. */
  join(outcome: Outcome, seconds: number): void;
  /** A call came over the control port. `code` is a name of RpcCode ("Ok" when it went well). */
  rpc(method: string, code: string, seconds: number): void;
  /** A call to an engine (out) or from one (in). */
  drpc(direction: "in" | "out", method: string, outcome: Outcome, seconds: number): void;
  /** Changes of the system were written down. */
  commit(outcome: Outcome, seconds: number): void;
}

export type Outcome = "ok" | "failed";

/** Runs `work` and tells how it went and how long it took. */
export async function observed<T>(
  tell: (outcome: Outcome, seconds: number) => void,
  work: () => T | Promise<T>,
): Promise<T> {
  const startMs = performance.now();
  try {
    const result = await work();
    tell("ok", (performance.now() - startMs) / 1000);
    return result;
  } catch (error) {
    tell("failed", (performance.now() - startMs) / 1000);
    throw error;
  }
}
