import type { Operation } from "./requests.ts";

/** Does one operation and returns what it found out, made of plain JSON values. */
export async function performOperation(request: Operation): Promise<unknown> {
  switch (request.op) {
    case "telemetry-read": {
      const { readTelemetry } = await import("./telemetry.ts");
      return readTelemetry(request.segments);
    }
    case "telemetry-prune": {
      const { pruneTelemetry } = await import("./telemetry.ts");
      return pruneTelemetry(request.segments, request.olderThanMs);
    }
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
    case "pmem-probe": {
      const { probeFilesystem } = await import("./filesystem.ts");
      return probeFilesystem(request.device);
    }
    case "pmem-mkfs": {
      const { makeFilesystem } = await import("./filesystem.ts");
      await makeFilesystem(request.device, request.force);
      return null;
    }
    case "spdk-release": {
      const { openSpdk } = await import("../../ffi/spdk/library.ts");
      return openSpdk().release.release;
    }
    case "nvme-scan": {
      const { scanNvme } = await import("./nvme.ts");
      return scanNvme(request);
    }
    case "nvme-format": {
      const { formatNvme } = await import("./nvme.ts");
      return formatNvme(request);
    }
    case "nvme-firmware-update": {
      const { updateNvmeFirmware } = await import("./nvme.ts");
      return updateNvmeFirmware(request);
    }
    case "nvme-led": {
      const { manageLed } = await import("./nvme.ts");
      return manageLed(request);
    }
    case "storage-apply": {
      const { applySteps } = await import("./apply.ts");
      // Progress goes to stderr, a line a step; the answer comes at the end.
      return applySteps(request.steps, undefined, (step, result) => {
        process.stderr.write(`step ${JSON.stringify({ step: step.do, ...result })}\n`);
      });
    }
    default:
      return request satisfies never;
  }
}
