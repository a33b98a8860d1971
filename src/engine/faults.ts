import { FaultCode } from "../faults/codes.ts";
import { Fault } from "../faults/fault.ts";

const ADVICE = "retry the operation or check server logs for more details";

export function faultHarnessNotStarted(): Fault {
  return new Fault(
    "server",
    FaultCode.ServerHarnessNotStarted,
    "DAOS I/O Engine harness not started",
    ADVICE,
  );
}

/** Fault 611 of a call that no engine can have seen: it may be made again, on another engine. */
export class CallNotSentFault extends Fault {}

const NOT_STARTED = [
  "server",
  FaultCode.ServerDataPlaneNotStarted,
  "DAOS I/O Engine instance not started or not responding on dRPC",
  ADVICE,
] as const;

/** The engine went away under a call, which it may have carried out. */
export function faultDataPlaneLost(): Fault {
  return new Fault(...NOT_STARTED);
}

/** The engine is not there, not ready, or cannot be reached on its socket. */
export function faultDataPlaneNotStarted(): CallNotSentFault {
  return new CallNotSentFault(...NOT_STARTED);
}

export function faultInstancesNotStopped(action: string, rank: number): Fault {
  return new Fault(
    "server",
    FaultCode.ServerInstancesNotStopped,
    `${action} not supported when rank ${rank} is running`,
    `retry ${action} operation after stopping rank ${rank}`,
  );
}
