import { create } from "@bufbuild/protobuf";
import { defineCommand } from "citty";
import { groupHosts } from "../../../client/host-results.ts";
import type { HostFabric } from "../../../client/network.ts";
import { FabricInterfaceSchema } from "../../../gen/ctl/network_pb.ts";
import { completeProvider, splitProviders } from "../../../hardware/fabric.ts";
import { scanHostFabric } from "../../../hardware/libfabric.ts";
import { readNetDevices } from "../../../hardware/netdev.ts";
import { coresPerNuma, readTopology } from "../../../hardware/topology.ts";
import { printJson } from "../../../ui/json.ts";
import { networkScanDocument, networkScanText } from "../../dmg/views/network.ts";
import { flag, hostOptions, optionalConfig, text } from "../../storage/options.ts";

/** Interfaces of this host that carry one of the providers, by name or beginning of a name; "": all. */
async function scanLocalFabric(wanted: string): Promise<{ fabric: HostFabric; note: string | undefined }> {
  const [scan, topology] = await Promise.all([
    readNetDevices().then((devices) => scanHostFabric(devices, [])),
    readTopology(),
  ]);
  const interfaces = scan.interfaces.filter((found) => found.provider.startsWith(wanted));
  return {
    note: scan.note,
    fabric: {
      interfaces: interfaces.map(({ provider, device, numaNode, priority, deviceClass }) =>
        create(FabricInterfaceSchema, {
          provider,
          device,
          numanode: numaNode,
          priority,
          netdevclass: deviceClass,
        }),
      ),
      providers: [...new Set(interfaces.map((found) => found.provider))].sort(),
      numaCount: topology.nodes.length,
      coresPerNuma: coresPerNuma(topology),
    },
  };
}

export const command = defineCommand({
  meta: { name: "scan", description: "Scan for network interface devices on local server" },
  args: {
    "ignore-config": hostOptions["ignore-config"],
    config: hostOptions.config,
    provider: {
      type: "string",
      alias: "p",
      description:
        "Only interfaces with this provider; all: every provider (default: that of the config file)",
      valueHint: "provider",
    },
  },
  async run({ args }) {
    const asked = text(args, "provider");
    const configured = (await optionalConfig(args))?.provider ?? "";
    const wanted =
      asked === ""
        ? completeProvider(splitProviders(configured)[0] ?? "")
        : asked.toLowerCase() === "all"
          ? ""
          : asked;
    const { fabric, note } = await scanLocalFabric(wanted);
    if (note !== undefined)
      console.error(`NOTICE: libfabric cannot be asked, this is what sysfs knows: ${note}`);
    const groups = groupHosts([{ host: "localhost", value: fabric }], String);
    if (flag(args, "json")) {
      const document = networkScanDocument({ errors: new Map(), groups }) as { HostFabrics: never };
      printJson(document.HostFabrics);
    } else {
      console.log(networkScanText(groups));
    }
  },
});
