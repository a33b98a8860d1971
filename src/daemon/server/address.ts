import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { isAddressProblem, parseAddress } from "../../config/addresses.ts";
import { FaultCode } from "../../faults/codes.ts";
import { errorText, Fault } from "../../faults/fault.ts";

/** Addresses of a host: IPv4 before IPv6, then by value, so that every server names a replica alike. */
async function resolveHost(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return found
    .sort((left, right) => left.family - right.family || (left.address < right.address ? -1 : 1))
    .map(({ address }) => address);
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** Joins a host and a port; IPv6 goes into brackets. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The replicas of the management service as "ip:port", in the order of the configuration.
 * @throws Fault 705 naming the access point that has no address
 */
export async function resolveReplicas(accessPoints: readonly string[]): Promise<string[]> {
  return Promise.all(
    accessPoints.map(async (accessPoint) => {
      const parsed = parseAddress(accessPoint);
      try {
        if (isAddressProblem(parsed)) throw new Error(parsed.detail);
        const [address] = await resolveHost(withoutBrackets(parsed.host));
        if (address === undefined) throw new Error("no addresses found");
        return hostPort(address, Number(parsed.port));
      } catch (error) {
        throw new Fault(
          "serverconfig",
          FaultCode.ServerConfigBadAccessPoints,
          `access point ${accessPoint} has no address that can be used`,
          "check 'access_points' in the server config file and the name resolution of this host",
          errorText(error),
        );
      }
    }),
  );
}

/** All addresses of this host. */
function localAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => address));
}

/** Which of the replicas this server is, as "ip:port"; undefined when it is none. */
export function ownReplica(replicas: readonly string[], port: number): string | undefined {
  const local = localAddresses();
  return replicas.find((replica) => {
    const parsed = parseAddress(replica);
    return (
      !isAddressProblem(parsed) && Number(parsed.port) === port && local.has(withoutBrackets(parsed.host))
    );
  });
}
