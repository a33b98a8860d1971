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
    case "pmem-scan": {
      const { scanPmem } = await import("../../ffi/ipmctl/library.ts");
      return scanPmem();
    }
    case "pmem-goal": {
      const { openIpmctl } = await import("../../ffi/ipmctl/library.ts");
      const ipmctl = openIpmctl();
      if (request.action === "create") ipmctl.createGoal(request.socket);
      else ipmctl.deleteGoal(request.socket);
      return null;
    }
    case "pmem-firmware": {
      const { openIpmctl } = await import("../../ffi/ipmctl/library.ts");
      return openIpmctl().firmware(request.uid);
    }
    case "pmem-firmware-update": {
      const { openIpmctl } = await import("../../ffi/ipmctl/library.ts");
      openIpmctl().updateFirmware(request.uid, request.path, request.force);
      return null;
    }
    case "pmem-namespaces": {
      const { readNamespaces } = await import("./ndctl.ts");
      return readNamespaces();
    }
    case "pmem-namespace-create": {
      const { createNamespace } = await import("./ndctl.ts");
      await createNamespace(request.region, request.sizeBytes);
      return null;
    }
    case "pmem-namespace-destroy": {
      const { destroyNamespace } = await import("./ndctl.ts");
      await destroyNamespace(request.name);
      return null;
    }
    default:
      throw new UnknownOperationError(request.op);
  }
}
