import { badConfig, unknownOption } from "../faults/config.ts";
import {
  comparePciAddresses,
  formatBusRange,
  formatPciAddress,
  looksLikePciAddress,
  parseBusRange,
  parsePciAddress,
} from "./pci.ts";
import {
  anyInteger,
  bool,
  convert,
  list,
  type Reader,
  section,
  text,
  unsigned,
  type Values,
  word,
} from "./read.ts";
import type { BdevRole, BdevTierConfig, ScmTierConfig, StorageClass, StorageTierConfig } from "./types.ts";

const classes: readonly StorageClass[] = ["dcpm", "ram", "nvme", "file", "kdev"];
const roles: readonly BdevRole[] = ["data", "meta", "wal"];

/** Names of a set of options: sorted, each once; everything from "na" on is ignored, as 2.6 does. */
export function optionSet<O extends string>(names: readonly string[], known: readonly O[]): O[] {
  const found = new Set<O>();
  for (const name of names) {
    if (name === "") continue;
    if (name.toLowerCase() === "na") break;
    const option = known.find((candidate) => candidate === name);
    if (option === undefined) throw unknownOption(name, known);
    found.add(option);
  }
  return [...found].sort();
}

/**
 * Devices of a tier in canonical form and order: PCI addresses by number, paths by name.
 * @throws Fault for a device named twice, a malformed address, or addresses and paths in one list.
 */
export function canonicalBdevList(devices: readonly string[]): string[] {
  const paths = new Set<string>();
  const addresses = new Map<string, ReturnType<typeof parsePciAddress>>();
  for (const device of devices) {
    if (!looksLikePciAddress(device)) {
      if (paths.has(device)) throw badConfig(`bdev_list names ${device} twice`);
      paths.add(device);
      continue;
    }
    const address = parsePciAddress(device);
    if (address === undefined)
      throw badConfig(`bdev_list: "${device}" is not a PCI address such as 0000:81:00.0`);
    const canonical = formatPciAddress(address);
    if (addresses.has(canonical)) throw badConfig(`bdev_list names ${canonical} twice`);
    addresses.set(canonical, address);
  }
  if (paths.size > 0 && addresses.size > 0) {
    throw badConfig("bdev_list cannot mix PCI addresses with other devices");
  }
  const sorted = [...addresses.values()].filter((a) => a !== undefined).sort(comparePciAddresses);
  return sorted.length > 0 ? sorted.map(formatPciAddress) : [...paths].sort();
}

const busRange = convert(text, (range) => {
  const parsed = parseBusRange(range);
  if (typeof parsed === "string") throw badConfig(parsed);
  return parsed === undefined ? "" : formatBusRange(parsed);
});

const tierFields = {
  class: word(classes, "a storage class"),
  scm_mount: text,
  scm_size: unsigned,
  scm_hugepages_disabled: bool,
  scm_list: list(text),
  bdev_list: convert(list(text), canonicalBdevList),
  bdev_number: anyInteger,
  bdev_size: anyInteger,
  bdev_busid_range: busRange,
  bdev_roles: convert(list(text), (names) => optionSet(names, roles)),
};

export const tierKeys = Object.keys(tierFields);

/** What the keys of one tier said. The class may be missing, which the reader of the whole list judges. */
export interface TierValues extends Values<typeof tierFields> {
  readonly key: string;
  /** No class at all; a wrong one has been reported where it stands. */
  readonly classMissing: boolean;
}

export const tierSection: Reader<TierValues> = convert(
  section(tierFields, tierHint),
  (values, context, key) => {
    const wrong = context.problems.some((problem) => problem.key === `${key}.class`);
    return { ...values, key, classMissing: values.class === undefined && !wrong };
  },
);

function tierHint(name: string): string | undefined {
  if (name === "scm_class" || name === "bdev_class") return 'a tier\'s class is given by "class"';
  return undefined;
}

function scmTier(values: TierValues, tier: number, scmClass: ScmTierConfig["class"]): ScmTierConfig {
  return {
    tier,
    class: scmClass,
    scmMount: values.scm_mount ?? "",
    scmSize: values.scm_size ?? 0,
    scmHugepagesDisabled: values.scm_hugepages_disabled ?? false,
    scmList: values.scm_list ?? [],
  };
}

function bdevTier(values: TierValues, tier: number, bdevClass: BdevTierConfig["class"]): BdevTierConfig {
  const made: BdevTierConfig = {
    tier,
    class: bdevClass,
    bdevList: values.bdev_list ?? [],
    bdevNumber: values.bdev_number ?? 0,
    bdevSize: values.bdev_size ?? 0,
    bdevRoles: values.bdev_roles ?? [],
  };
  if (values.bdev_busid_range) made.bdevBusidRange = values.bdev_busid_range;
  return made;
}

/** The tier that `values` describes; undefined when it has no class. */
export function makeTier(values: TierValues, tier: number): StorageTierConfig | undefined {
  const tierClass = values.class;
  if (tierClass === undefined) return undefined;
  if (tierClass === "dcpm" || tierClass === "ram") return scmTier(values, tier, tierClass);
  return bdevTier(values, tier, tierClass);
}
