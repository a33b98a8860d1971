import { closest } from "../../cli/suggest.ts";
import { listPools } from "../../client/pool.ts";
import { errorText } from "../../faults/fault.ts";
import { text } from "./arguments.ts";
import type { Session } from "./session.ts";

/** What asking for the labels may take: advice is not worth more. */
const askMs = 3000;

/** "…; did you mean "tank"?" after an error about a pool that is not there, when one has a label like it. */
export async function withNearPool(session: Session, error: unknown): Promise<unknown> {
  const wanted = text(session.args, "pool");
  if (wanted === undefined) return error;
  let labels: string[];
  try {
    const client = { ...(await session.client()), timeoutMs: askMs };
    labels = (await listPools(client, { query: false })).pools.map((pool) => pool.label);
  } catch {
    // The error at hand matters, not why there is no advice on it.
    return error;
  }
  const near = closest(wanted, labels);
  return near === undefined
    ? error
    : new Error(`${errorText(error)}; did you mean "${near}"?`, { cause: error });
}
