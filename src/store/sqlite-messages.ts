import type { StoreOp } from "./store.ts";

/** What the store asks of the thread that owns its file. */
export type WorkerRequest =
  | { readonly kind: "open"; readonly dir: string }
  | { readonly kind: "load" }
  | { readonly kind: "commit"; readonly ops: readonly StoreOp[] }
  | { readonly kind: "close" };

/** The answer, one to a request. A Fault travels as its parts: classes do not cross threads. */
export type WorkerAnswer =
  | { readonly kind: "opened"; readonly term: bigint }
  | { readonly kind: "loaded"; readonly records: Map<string, string> }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly fault: FaultParts | undefined; readonly text: string };

export interface FaultParts {
  readonly domain: string;
  readonly code: number;
  readonly description: string;
  readonly resolution: string;
  readonly reason: string;
}
