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

/** The engine is not there, not ready, or does not answer on its socket. */
export function faultDataPlaneNotStarted(): Fault {
  return new Fault(
    "server",
    FaultCode.ServerDataPlaneNotStarted,
    "DAOS I/O Engine instance not started or not responding on dRPC",
    ADVICE,
  );
}

export function faultInstancesNotStopped(action: string, rank: number): Fault {
  return new Fault(
    "server",
    FaultCode.ServerInstancesNotStopped,
    `${action} not supported when rank ${rank} is running`,
    `retry ${action} operation after stopping rank ${rank}`,
  );
}
