import type { MessageInitShape } from "@bufbuild/protobuf";
import type { NetworkScanReq, NetworkScanRespSchema } from "../../gen/ctl/network_pb.ts";
import { completeProvider, splitProviders } from "../../hardware/fabric.ts";
import { scanHostFabric } from "../../hardware/libfabric.ts";
import { readNetDevices } from "../../hardware/netdev.ts";
import { coresPerNuma, readTopology } from "../../hardware/topology.ts";
import type { CallContext } from "../method.ts";
import type { ControlDeps } from "./deps.ts";

function wantedProviders(asked: string, configured: string | undefined): string[] {
  if (asked.toLowerCase() === "all") return [];
  return splitProviders(asked === "" ? (configured ?? "") : asked).map(completeProvider);
}

/** Interfaces that can carry the wanted providers, and the shape of the host. */
export async function networkScan(
  deps: ControlDeps,
  request: NetworkScanReq,
  context: CallContext,
): Promise<MessageInitShape<typeof NetworkScanRespSchema>> {
  const providers = wantedProviders(request.provider, deps.config.provider);
  const [devices, topology] = await Promise.all([readNetDevices(), readTopology()]);
  const excluded = new Set(splitProviders(request.excludeinterfaces));
  const { interfaces, source, note } = await scanHostFabric(devices, providers, { signal: context.signal });
  deps.log.debug(`network scan by ${source}${note === undefined ? "" : ` (${note})`}`);
  return {
    interfaces: interfaces
      .filter((found) => !excluded.has(found.device))
      .map(({ provider, device, numaNode, deviceClass, priority }) => ({
        provider,
        device,
        numanode: numaNode,
        netdevclass: deviceClass,
        priority,
      })),
    numacount: topology.nodes.length,
    corespernuma: coresPerNuma(topology),
  };
}
