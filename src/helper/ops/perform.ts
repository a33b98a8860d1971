import type { HelperRequest } from "../protocol.ts";

/** Operations other than mounts; each loads what it needs and nothing else. */
export type Operation = Exclude<HelperRequest, { op: "mount" | "unmount" }>;

class UnknownOperationError extends Error {
  override readonly name = "UnknownOperationError";
}

/** Does one operation and returns what it found out, made of plain JSON values. */
export async function performOperation(request: Operation): Promise<unknown> {
  switch (request.op) {
    case "fabric-scan": {
      const { scanLibfabric } = await import("../../ffi/libfabric/scan.ts");
      return scanLibfabric();
    }
    default:
      throw new UnknownOperationError(request.op);
  }
}
