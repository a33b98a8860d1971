import { isBdevTier, type ServerConfig } from "../../config/types.ts";
import { faultNoIommu, faultNonRootVfioDisable } from "../../faults/spdk.ts";
import type { PrepareRequest, TargetUser } from "../../hardware/pci/plan.ts";
import { parseAddressList } from "../../hardware/pci/select.ts";
import type { StorageHost } from "../../helper/pci/host.ts";

/** What a person says on the command line; the configuration fills in the rest. */
export interface PrepareFlags {
  readonly allow: string;
  readonly block: string;
  readonly hugePages: number;
  readonly user: TargetUser;
  readonly disableVfio: boolean;
}

/** NVMe addresses of all engines of a configuration. */
export function configuredControllers(config: ServerConfig | undefined): string[] {
  const lists = config?.engines.flatMap((engine) => engine.storage.filter(isBdevTier)) ?? [];
  return lists
    .filter((tier) => tier.class === "nvme")
    .flatMap((tier) => parseAddressList(tier.bdevList.join(" ")));
}

/** NUMA nodes of engines that have NVMe, where the configuration says. */
function configuredNodes(config: ServerConfig | undefined): number[] {
  const nodes = (config?.engines ?? [])
    .filter((engine) => engine.storage.some((tier) => isBdevTier(tier) && tier.class === "nvme"))
    .map((engine) => engine.pinnedNumaNode)
    .filter((node) => node !== undefined);
  return [...new Set(nodes)];
}

/** Why VMDs are left to the kernel, or undefined when they are not. */
export function vmdRefusal(
  config: ServerConfig | undefined,
  disableVfio: boolean,
  iommu: boolean,
): string | undefined {
  if (config?.disableVmd) return "VMD not enabled because VMD disabled in config file";
  if (disableVfio) return "VMD not enabled because VFIO disabled in command options";
  return iommu ? undefined : "VMD not enabled because IOMMU disabled on platform";
}

/**
 * The request that flags and configuration make together; flags win.
 * @throws Fault 310, 311: who is not root cannot do without VFIO and an IOMMU. Error: bad addresses, huge pages
 * disabled by the configuration.
 */
export function prepareRequest(
  flags: PrepareFlags,
  config: ServerConfig | undefined,
  host: Pick<StorageHost, "iommu">,
): PrepareRequest & { readonly vmdNote: string | undefined } {
  if (config?.disableHugepages) throw new Error("hugepage usage has been disabled in the config file");
  const disableVfio = flags.disableVfio || (config?.disableVfio ?? false);
  if (flags.user.uid !== 0) {
    if (disableVfio) throw faultNonRootVfioDisable();
    if (!host.iommu) throw faultNoIommu();
  }
  const vmdNote = vmdRefusal(config, disableVfio, host.iommu);
  const allow = parseAddressList(flags.allow);
  const block = parseAddressList(flags.block);
  return {
    allow: allow.length > 0 ? allow : configuredControllers(config),
    block: block.length > 0 ? block : parseAddressList((config?.bdevExclude ?? []).join(" ")),
    user: flags.user,
    disableVfio,
    vmd: vmdNote === undefined,
    hugePages: flags.hugePages > 0 ? flags.hugePages : (config?.nrHugepages ?? 0),
    nodes: configuredNodes(config),
    vmdNote,
  };
}

/** A user by name. @throws Error when there is none of that name. */
export async function findUser(name: string): Promise<TargetUser> {
  if (name === "" || name === "root") {
    const uid = name === "root" ? 0 : (process.getuid?.() ?? 0);
    if (uid === 0) return { name: "root", uid: 0, gid: 0 };
    return { name: process.env["USER"] ?? String(uid), uid, gid: process.getgid?.() ?? uid };
  }
  // Users may come from a directory service, which only the C library's tools ask.
  const ask = async (flag: string): Promise<number> => {
    const child = Bun.spawn(["id", flag, "--", name], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout] = await Promise.all([new Response(child.stdout).text(), child.exited]);
    if (child.exitCode !== 0 || !/^\d+\s*$/.test(stdout)) throw new Error(`unknown user "${name}"`);
    return Number(stdout);
  };
  const [uid, gid] = await Promise.all([ask("-u"), ask("-g")]);
  return { name, uid, gid };
}
