import { lookup } from "node:dns/promises";

/** "ip:port" cut in two; the brackets of an IPv6 address are taken off. */
export function splitHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new Error(`"${text}" is not an address with a port`);
  return { host: match[1] ?? match[2] ?? "", port };
}

export function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An IPv4 address in IPv6 clothes, as dual-stack sockets show it, becomes plain. */
export function plainIp(ip: string): string {
  return ip.replace(/^::ffff:(?=\d+\.)/i, "");
}

const anyAddresses = new Set(["", "0.0.0.0", "::"]);

/** IP addresses of a host name; an address is its own. */
export async function resolveHost(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: "ipv4first" });
  return found.map(({ address }) => plainIp(address));
}

/**
 * Where a joining server can be reached: the address it listens on, or when that is "any", the one it
 * called from with the port it named.
 */
export async function listenAddr(
  named: string,
  peerAddr: string,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<string> {
  const { host, port } = splitHostPort(named);
  if (anyAddresses.has(host)) return joinHostPort(plainIp(splitHostPort(peerAddr).host), port);
  const [ip] = await resolve(host);
  if (ip === undefined) throw new Error(`no address for host ${host}`);
  return joinHostPort(ip, port);
}
