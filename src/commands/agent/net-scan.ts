import { create } from "@bufbuild/protobuf";
import { defineCommand } from "citty";
import { groupHosts } from "../../client/host-results.ts";
import type { HostFabric } from "../../client/network.ts";
import { FabricInterfaceSchema } from "../../gen/ctl/network_pb.ts";
import { scanHostFabric } from "../../hardware/libfabric.ts";
import { readNetDevices } from "../../hardware/netdev.ts";
import { printJson } from "../../ui/json.ts";
import { networkScanDocument, networkScanText } from "../dmg/views/network.ts";

export const command = defineCommand({
  meta: { name: "net-scan", description: "Perform local network fabric scan" },
  args: {
    provider: {
      type: "string",
      alias: "p",
      description: "Only interfaces with this provider; all: every provider (default: all)",
      valueHint: "provider",
    },
  },
  async run({ args }) {
    const groups = groupHosts(
      [{ host: "localhost", value: await scanLocalFabric(args.provider ?? "all") }],
      String,
    );
    if ((args as { json?: boolean }).json) {
      const document = networkScanDocument({ errors: new Map(), groups }) as { HostFabrics: never };
      printJson(document.HostFabrics, null);
    } else {
      process.stdout.write(networkScanText(groups));
    }
  },
});

/** This node's interfaces in the form in which servers tell theirs. */
async function scanLocalFabric(provider: string): Promise<HostFabric> {
  const wanted = provider.toLowerCase() === "all" ? "" : provider;
  const { interfaces } = await scanHostFabric(await readNetDevices(), []);
  const chosen = interfaces.filter((found) => found.provider.startsWith(wanted));
  return {
    interfaces: chosen.map(({ provider, device, numaNode, priority, deviceClass }) =>
      create(FabricInterfaceSchema, {
        provider,
        device,
        numanode: numaNode,
        priority,
        netdevclass: deviceClass,
      }),
    ),
    providers: [...new Set(chosen.map((found) => found.provider))].sort(),
    // 2.6 leaves these two to servers.
    numaCount: 0,
    coresPerNuma: 0,
  };
}
