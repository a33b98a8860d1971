import type { DrpcHandler, DrpcModules } from "../../drpc/types.ts";

/** Calls of one method since the agent started. */
export interface CallCount {
  calls: number;
  /** Ended with an error. Answers that carry a DAOS status are none. */
  failed: number;
  /** From having read the call to having made its answer, all together. */
  durationMs: number;
}

export type CallCounts = ReadonlyMap<string, CallCount>;

/** Counts the calls of every handler, by the names given. */
export function countCalls(
  modules: DrpcModules,
  nameOf: (module: number, method: number) => string,
): { modules: DrpcModules; counts: CallCounts } {
  const counts = new Map<string, CallCount>();
  const counted: Record<number, Record<number, DrpcHandler>> = {};
  for (const [module, methods] of Object.entries(modules)) {
    const table: Record<number, DrpcHandler> = {};
    for (const [method, handler] of Object.entries(methods)) {
      const count: CallCount = { calls: 0, failed: 0, durationMs: 0 };
      counts.set(nameOf(Number(module), Number(method)), count);
      table[Number(method)] = counting(handler, count);
    }
    counted[Number(module)] = table;
  }
  return { modules: counted, counts };
}

function counting(handler: DrpcHandler, count: CallCount): DrpcHandler {
  return (body, session) => {
    const start = performance.now();
    const end = (failed: boolean) => {
      count.calls++;
      if (failed) count.failed++;
      count.durationMs += performance.now() - start;
    };
    let answer: Uint8Array | Promise<Uint8Array>;
    try {
      answer = handler(body, session);
    } catch (error) {
      end(true);
      throw error;
    }
    if (!(answer instanceof Promise)) {
      end(false);
      return answer;
    }
    return answer.then(
      (bytes) => {
        end(false);
        return bytes;
      },
      (error) => {
        end(true);
        throw error;
      },
    );
  };
}
