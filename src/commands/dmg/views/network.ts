import type { HostGroup } from "../../../client/host-results.ts";
import { foldHosts } from "../../../client/hostset.ts";
import type { HostFabric, NetworkScanAnswer } from "../../../client/network.ts";
import type { Json } from "../../../ui/json.ts";
import { banner, formatTable, indentLines } from "../../../ui/table.ts";
import { hashKey, hostErrorsDocument, listOrNull, printableHosts } from "./common.ts";

export function networkScanDocument(answer: NetworkScanAnswer): Json {
  const entries = answer.groups.map(({ key, value, hosts }): [string, Json] => [
    hashKey(key),
    { HostFabric: fabricDocument(value), HostSet: foldHosts(hosts) },
  ]);
  return {
    host_errors: hostErrorsDocument(answer.errors),
    HostFabrics:
      entries.length === 0 ? null : new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1))),
  };
}

function fabricDocument(fabric: HostFabric): Json {
  return {
    Interfaces: listOrNull(
      fabric.interfaces.map(({ provider, device, numanode, priority, netdevclass }) => ({
        Provider: provider,
        Device: device,
        NumaNode: numanode,
        Priority: priority,
        NetDevClass: netdevclass,
      })),
    ),
    Providers: fabric.providers,
    NumaCount: fabric.numaCount,
    CoresPerNuma: fabric.coresPerNuma,
  };
}

/** Providers and their interfaces, a table for each NUMA node of each set of hosts. */
export function networkScanText(groups: readonly HostGroup<HostFabric>[]): string {
  return groups
    .map(({ value, hosts }) => {
      const nodes = [...new Set(value.interfaces.map(({ numanode }) => numanode))].sort((a, b) => a - b);
      const tables = nodes.map((node) => {
        const table = formatTable(["Provider", "Interfaces"], providerRows(value, node), { indent: 8 });
        return `${indentLines(banner(`NUMA Socket ${node}`), 4)}\n${table}\n`;
      });
      return `${banner(printableHosts(hosts, groups))}\n${tables.join("")}`;
    })
    .join("");
}

function providerRows(fabric: HostFabric, node: number): { Provider: string; Interfaces: string }[] {
  const devices = new Map<string, string[]>();
  for (const { provider, device, numanode } of fabric.interfaces) {
    if (numanode === node) devices.set(provider, [...(devices.get(provider) ?? []), device]);
  }
  return [...devices]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([provider, names]) => ({ Provider: provider, Interfaces: names.join(", ") }));
}
