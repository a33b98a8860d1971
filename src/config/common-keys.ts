import type { Fault } from "../faults/fault.ts";
import { bool, section, text, type Values, word } from "./read.ts";
import type { ControlLogLevel, TransportConfig } from "./types.ts";

/** Keys that all three files know. */
const transportFields = {
  allow_insecure: bool,
  client_cert_dir: text,
  ca_cert: text,
  cert: text,
  key: text,
};

/** `transport_config`. Every key that is not given keeps its default. */
export const transportSection = section(transportFields);

export function withTransport(
  defaults: TransportConfig,
  given: Values<typeof transportFields> | undefined,
): TransportConfig {
  const merged: TransportConfig = {
    allowInsecure: given?.allow_insecure ?? defaults.allowInsecure,
    caCert: given?.ca_cert ?? defaults.caCert,
    cert: given?.cert ?? defaults.cert,
    key: given?.key ?? defaults.key,
  };
  const clientCertDir = given?.client_cert_dir ?? defaults.clientCertDir;
  if (clientCertDir !== undefined && clientCertDir !== "") merged.clientCertDir = clientCertDir;
  return merged;
}

const levels: readonly ControlLogLevel[] = ["DISABLED", "TRACE", "DEBUG", "INFO", "NOTICE", "ERROR"];

/** `control_log_mask`, letter case ignored. */
export const logLevel = word(levels, "a log level");

/** DAOS_SYS_NAME_MAX of daos_types.h. */
const maximumSystemNameBytes = 15;

/** Throws what `badConfig` makes of a name that no DAOS system can have. */
export function systemNameProblem(
  name: string,
  badConfig: (description: string) => Fault,
): Fault | undefined {
  const length = Buffer.byteLength(name);
  if (length > 0 && length <= maximumSystemNameBytes) return undefined;
  return badConfig(`invalid system name: "${name}" (1 to ${maximumSystemNameBytes} bytes)`);
}

/** undefined for the empty text, which 2.6 takes for "not given". */
export function given(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
