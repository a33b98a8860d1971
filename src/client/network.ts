/** Network interfaces of servers. */
import { type FabricInterface, NetworkScanReqSchema, NetworkScanRespSchema } from "../gen/ctl/network_pb.ts";
import type { DmgClient } from "./context.ts";
import type { FanOutOptions } from "./fanout.ts";
import { groupHosts, type HostErrors, type HostGroup, splitResults } from "./host-results.ts";
import { invokeHosts } from "./invoker.ts";
import { unary } from "./unary.ts";

const networkScanRpc = unary("ctl.CtlSvc", "NetworkScan", NetworkScanReqSchema, NetworkScanRespSchema);

export interface HostFabric {
  readonly interfaces: readonly FabricInterface[];
  /** Of all interfaces, each once, sorted. */
  readonly providers: readonly string[];
  readonly numaCount: number;
  readonly coresPerNuma: number;
}

export interface NetworkScanAnswer {
  readonly errors: HostErrors;
  readonly groups: readonly HostGroup<HostFabric>[];
}

/** `provider` "": those of the servers' configurations; "all": every one there is. */
export async function networkScan(
  client: DmgClient,
  provider: string,
  progress: FanOutOptions<unknown> = {},
): Promise<NetworkScanAnswer> {
  const results = await invokeHosts(networkScanRpc, client.hosts, { provider }, client, progress);
  const { answers, errors } = splitResults(results);
  const fabrics = answers.map(({ host, value }) => ({
    host,
    value: {
      interfaces: value.interfaces,
      providers: [...new Set(value.interfaces.map((item) => item.provider))].sort(),
      numaCount: value.numacount,
      coresPerNuma: value.corespernuma,
    },
  }));
  return { errors, groups: groupHosts(fabrics, comparableFabric) };
}

/** The order in which interfaces were found does not make hosts differ. */
function comparableFabric(fabric: HostFabric): unknown {
  const interfaces = fabric.interfaces.map(({ provider, device, numanode, priority, netdevclass }) =>
    JSON.stringify([provider, device, numanode, priority, netdevclass]),
  );
  return { ...fabric, interfaces: interfaces.sort() };
}
