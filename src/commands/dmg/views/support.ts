import type { HostErrors } from "../../../client/host-results.ts";
import { shortErrorText } from "../../../ui/errors.ts";
import { formatTable } from "../../../ui/table.ts";
import { printableHosts } from "./common.ts";

/** What one step of collecting could not do, and where. */
export interface StepErrors {
  readonly step: string;
  readonly errors: HostErrors;
}

export function collectSummary(failures: readonly StepErrors[]): string {
  if (failures.length === 0) return "Summary : All Commands Successfully Executed";
  const rows = failures.flatMap(({ step, errors }) =>
    [...errors.values()].map(({ error, hosts }) => ({
      Hosts: printableHosts(hosts),
      Command: step,
      Error: shortErrorText(error),
    })),
  );
  return `Summary :\n${formatTable(["Hosts", "Command", "Error"], rows)}`;
}
