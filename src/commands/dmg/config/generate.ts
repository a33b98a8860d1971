import { defineCommand } from "citty";
import { type HostErrors, type HostGroup, hostErrorsSummary } from "../../../client/host-results.ts";
import { type HostFabric, networkScan } from "../../../client/network.ts";
import { type ScannedStorage, storageScan } from "../../../client/storage.ts";
import { type FoundHardware, generateServerConfig } from "../../../config/generate.ts";
import { serverConfigToYaml } from "../../../config/to-yaml.ts";
import { generateArgs, generateRequest } from "../config-request.ts";
import { hostList } from "../options.ts";
import { runDmg, type Session } from "../session.ts";
import { hostErrorsText, printableHosts } from "../views/common.ts";
import { serverConfigDocument } from "../views/server-config.ts";

export const command = defineCommand({
  meta: {
    name: "generate",
    alias: "gen",
    description: "Generate a server configuration from the hardware found on servers",
  },
  args: { ...hostList, ...generateArgs },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const request = generateRequest(args);
      const client = await session.client();
      const network = await networkScan(client, "all");
      const fabric = onlyGroup(session, "network", network);
      const storage = onlyGroup(session, "storage", await storageScan(client, { nvmeBasic: true }));
      const config = generateServerConfig(request, foundHardware(fabric, storage), client.log!);
      return { response: serverConfigDocument(config), text: serverConfigToYaml(config) };
    }),
});

/** The hardware all hosts have. @throws Error when a host failed or hosts differ */
function onlyGroup<T>(
  session: Session,
  kind: string,
  { errors, groups }: { readonly errors: HostErrors; readonly groups: readonly HostGroup<T>[] },
): T {
  const failure = hostErrorsSummary(errors);
  if (failure !== undefined) {
    if (!session.json) console.error(`ERROR: ${hostErrorsText(errors)}`);
    throw failure;
  }
  const [first] = groups;
  if (first === undefined) throw new Error("no host responses");
  if (groups.length > 1) {
    const sets = groups.map(({ hosts }) => printableHosts(hosts)).join(" and ");
    throw new Error(`${kind} hardware not consistent across hosts: it differs between ${sets}`);
  }
  return first.value;
}

function foundHardware(fabric: HostFabric, storage: ScannedStorage): FoundHardware {
  if (storage.memory === undefined) throw new Error("nil HostStorage.MemInfo");
  return {
    numaCount: fabric.numaCount,
    coresPerNuma: fabric.coresPerNuma,
    interfaces: fabric.interfaces.map(({ provider, device, numanode, priority, netdevclass }) => ({
      provider,
      device,
      numaNode: numanode,
      priority,
      netDevClass: netdevclass,
    })),
    pmem: storage.namespaces.map(({ blockdev, numaNode }) => ({ blockDevice: blockdev, numaNode })),
    ssds: storage.controllers.map(({ pciAddr, socketId }) => ({ pciAddress: pciAddr, numaNode: socketId })),
    memory: {
      hugepageSizeKib: storage.memory.hugepageSizeKb,
      memTotalKib: Number(storage.memory.memTotalKb),
    },
  };
}
