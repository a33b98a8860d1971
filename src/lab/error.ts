import { FaultCode } from "../faults/codes.ts";
import { Fault } from "../faults/fault.ts";

/** What goes wrong with a lab: in its own words, with what to do. There are no 2.6 numbers for it. */
export function labFault(description: string, resolution: string, reason = ""): Fault {
  return new Fault("lab", FaultCode.Unknown, description, resolution, reason);
}
