/** One engine of a generated configuration. */
import { type FoundInterface, type GenerateRequest, isBehindVmd, type ThreadCounts } from "./generate.ts";
import { comparePciAddresses, formatPciAddress, parsePciAddress } from "./pci.ts";
import type { BdevRole, BdevTierConfig, EngineConfig, ScmTierConfig } from "./types.ts";

const firstFabricPort = 31_416;
const fabricPortStep = 1000;

/** What an engine is made of. */
export interface EnginePlacement {
  readonly index: number;
  readonly numaNode: number;
  readonly iface: FoundInterface;
  readonly pmem: readonly string[];
  readonly ssds: readonly string[];
}

export function generateEngine(
  request: GenerateRequest,
  placement: EnginePlacement,
  threads: ThreadCounts,
): EngineConfig {
  const { index, numaNode, iface } = placement;
  return {
    index,
    targets: threads.targets,
    nrXsHelpers: threads.helpers,
    pinnedNumaNode: numaNode,
    logFile: `/tmp/daos_engine.${index}.log`,
    envVars: [],
    envPassThrough: [],
    provider: iface.provider,
    fabricIface: iface.device,
    fabricIfacePort: request.fabricPorts[index] ?? firstFabricPort + index * fabricPortStep,
    crtTimeout: 0,
    secondaryProviderEndpoints: [],
    disableSrx: false,
    storage: [memoryTier(request, placement), ...bdevTiers(request, placement.ssds)],
  };
}

function memoryTier(request: GenerateRequest, { numaNode, pmem }: EnginePlacement): ScmTierConfig {
  if (request.controlMetadataPath !== "" && !request.tmpfsScm) {
    throw new Error("md-on-ssd mode is only supported with scm class ram");
  }
  return {
    tier: 0,
    class: request.tmpfsScm ? "ram" : "dcpm",
    scmMount: `/mnt/daos${numaNode}`,
    scmSize: 0,
    scmHugepagesDisabled: false,
    scmList: request.tmpfsScm ? [] : pmem.slice(0, 1),
  };
}

/** One tier; with metadata on SSD as many as the roles can be kept apart on. */
function bdevTiers(request: GenerateRequest, ssds: readonly string[]): BdevTierConfig[] {
  const addresses = vmdAddresses(ssds);
  if (addresses.length === 0) return [];
  if (request.controlMetadataPath === "") return [bdevTier(1, addresses, [])];
  if (addresses.length === 1) return [bdevTier(1, addresses, ["data", "meta", "wal"])];
  // The log is written in small pieces, all the time: it gets SSDs of its own.
  const forLog = addresses.length < 6 ? 1 : 2;
  return [
    bdevTier(1, addresses.slice(0, forLog), ["wal"]),
    bdevTier(2, addresses.slice(forLog), ["data", "meta"]),
  ];
}

function bdevTier(tier: number, bdevList: readonly string[], bdevRoles: BdevRole[]): BdevTierConfig {
  return { tier, class: "nvme", bdevList: [...bdevList], bdevNumber: 0, bdevSize: 0, bdevRoles };
}

/** Devices behind a VMD are configured by the VMD's address, "5d0505:01:00.0" by 0000:5d:05.5. */
function vmdAddresses(ssds: readonly string[]): readonly string[] {
  if (!ssds.some(isBehindVmd)) return ssds;
  const unique = new Map<string, NonNullable<ReturnType<typeof parsePciAddress>>>();
  for (const ssd of ssds) {
    const parsed = parsePciAddress(ssd)!;
    const address = isBehindVmd(ssd)
      ? {
          domain: 0,
          bus: parsed.domain >> 16,
          device: (parsed.domain >> 8) & 0xff,
          function: parsed.domain & 0xff,
        }
      : parsed;
    unique.set(formatPciAddress(address), address);
  }
  return [...unique].sort(([, left], [, right]) => comparePciAddresses(left, right)).map(([text]) => text);
}
