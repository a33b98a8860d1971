import { faultScmInvalidPMem, faultScmNoPMem } from "../../faults/scm.ts";
import type { PmemStateName } from "./state.ts";

/** What 2.6's commands say, which scripts look for. */
const REBOOT_REQUIRED = "A reboot is required to process new PMem memory allocation goals.";

export const PMEM_WARNING =
  "Memory allocation goals for PMem will be changed and namespaces modified, this may be a destructive " +
  "operation. Please ensure namespaces are unmounted and locally attached PMem modules are not in use. " +
  "Please be patient as it may take several minutes and subsequent reboot maybe required.\n";

export const PREPARE_REBOOT = `PMem AppDirect interleaved regions will be created on reboot. ${REBOOT_REQUIRED}`;

export const RESET_DONE = "PMem has been reset successfully!";

/** What a reset that needs a reboot says, by the state it started from. */
export function resetRebootText(state: PmemStateName): string {
  switch (state) {
    case "NotInterleaved":
      return `Non-interleaved regions will be removed on reboot. ${REBOOT_REQUIRED}`;
    case "FreeCapacity":
      return `Interleaved regions will be removed on reboot. ${REBOOT_REQUIRED}`;
    case "NoFreeCapacity":
    case "PartialFreeCapacity":
      return `Namespaces have been removed and regions will be removed on reboot. ${REBOOT_REQUIRED}`;
    case "NotHealthy":
    case "UnknownMode":
      return (
        "Namespaces have been removed and regions (some with an unexpected state) will be removed on reboot. " +
        REBOOT_REQUIRED
      );
    case "NoModules":
      throw faultScmNoPMem();
    case "NoRegions":
      throw faultScmInvalidPMem("unexpected state if reboot is required (NoRegions)");
  }
}
