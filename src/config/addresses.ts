/** An address as the files give it, taken apart. Brackets around an IPv6 address are kept in `host`. */
export interface HostPort {
  readonly host: string;
  readonly port?: number;
}

export type AddressProblem = { readonly kind: "address" | "port"; readonly detail: string };

/** Reads "host", "host:port", "[v6]" or "[v6]:port". */
export function parseAddress(address: string): HostPort | AddressProblem {
  const form = /^(\[[0-9a-fA-F:.%a-z]+\]|[^:[\]\s]+)(?::([^:]*))?$/.exec(address);
  const host = form?.[1];
  if (form === null || host === undefined) {
    const bare = /^[0-9a-fA-F:.]+$/.test(address) && address.split(":").length > 2;
    const hint = bare ? `; write an IPv6 address as [${address}]` : "";
    return { kind: "address", detail: `"${address}" is not host or host:port${hint}` };
  }
  const portText = form[2];
  if (portText === undefined) return { host };
  if (!/^[-+]?\d+$/.test(portText))
    return { kind: "port", detail: `the port of "${address}" is not a number` };
  const port = Number(portText);
  if (port < 1 || port > 65535)
    return { kind: "port", detail: `the port of "${address}" is not from 1 to 65535` };
  return { host, port };
}

export function isAddressProblem(result: HostPort | AddressProblem): result is AddressProblem {
  return "kind" in result;
}

/** The address with `defaultPort` where it has none. One that cannot be read is returned as it is. */
export function withDefaultPort(address: string, defaultPort: number): string {
  const parsed = parseAddress(address);
  if (isAddressProblem(parsed) || parsed.port !== undefined) return address;
  return `${parsed.host}:${defaultPort}`;
}
