/**
 * The pool properties an administrator may see and set, with their numbers on the wire, the values they
 * take and the words for them (daos_prop.h, 2.6's property table).
 */

import { formatIecBytes } from "../faults/bytes.ts";
import { isValidLabel } from "../system/labels.ts";
import { parseRanks } from "../system/ranks.ts";
import { parseBytes } from "./sizes.ts";

export type PropertyValue = string | bigint;

export interface PoolPropertyDef {
  readonly name: string;
  /** DAOS_PROP_PO_… */
  readonly number: number;
  readonly description: string;
  /** The value a text stands for. @throws Error saying what is allowed */
  readonly parse: (text: string) => PropertyValue;
  /** The value in words. */
  readonly format: (value: PropertyValue) => string;
  /** The value in a document. */
  readonly toJson: (value: PropertyValue) => PropertyValue | readonly number[];
  /** Words it takes, for completion and hints; empty when it takes any number or text. */
  readonly choices: readonly string[];
}

/** Sizes and numbers of daos_prop.h and daos/object.h. */
const ecCellMin = 4n << 10n;
const ecCellMax = 1024n << 10n;
const ecCellStep = 32n;
const redundancyFactorMax = 4n;
const opsAgeMin = 60n;
const opsAgeMax = 600n;
const uint32Max = 0xffff_ffffn;
const uint64Max = (1n << 64n) - 1n;

type Facts = Pick<PoolPropertyDef, "name" | "number" | "description">;

function words(
  facts: Facts,
  values: Readonly<Record<string, bigint>>,
  shown?: Readonly<Record<string, string>>,
): PoolPropertyDef {
  const choices = Object.keys(values).sort();
  const byValue = new Map(Object.entries(values).map(([word, value]) => [value, word]));
  const format = (value: PropertyValue) => {
    if (typeof value !== "bigint") return value;
    return shown?.[`${value}`] ?? (shown ? "unknown" : (byValue.get(value) ?? `${value}`));
  };
  return {
    ...facts,
    choices,
    parse(text) {
      const value = values[text.toLowerCase()];
      if (value === undefined)
        throw new Error(`invalid value "${text}" for ${facts.name} (valid: ${choices.join(",")})`);
      return value;
    },
    format,
    toJson: format,
  };
}

interface NumberRules {
  readonly min?: bigint;
  readonly max: bigint;
  /** A percent sign may follow. */
  readonly percent?: boolean;
  readonly problem: (text: string) => string;
}

function numeric(facts: Facts, rules: NumberRules, format = (value: bigint) => `${value}`): PoolPropertyDef {
  return {
    ...facts,
    choices: [],
    parse(text) {
      const digits = rules.percent ? text.replaceAll("%", "") : text;
      const value = /^\d{1,20}$/.test(digits) ? BigInt(digits) : undefined;
      if (value === undefined || value < (rules.min ?? 0n) || value > rules.max)
        throw new Error(rules.problem(text));
      return value;
    },
    format: (value) => (typeof value === "bigint" ? format(value) : "not set"),
    toJson: (value) => value,
  };
}

function size(
  facts: Facts,
  accept: (bytes: bigint) => boolean,
  problem: (text: string) => string,
): PoolPropertyDef {
  return {
    ...facts,
    choices: [],
    parse(text) {
      let bytes: bigint;
      try {
        bytes = parseBytes(text);
      } catch {
        throw new Error(problem(text));
      }
      if (bytes > uint32Max || !accept(bytes)) throw new Error(problem(text));
      return bytes;
    },
    format: (value) => (typeof value === "bigint" ? formatIecBytes(value) : "not set"),
    toJson: (value) => value,
  };
}

const definitions: readonly PoolPropertyDef[] = [
  words(
    { name: "checkpoint", number: 22, description: "WAL checkpointing behavior" },
    { disabled: 0n, timed: 1n, lazy: 2n },
  ),
  numeric(
    { name: "checkpoint_freq", number: 23, description: "WAL checkpointing frequency, in seconds" },
    { max: uint64Max, problem: (text) => `invalid Checkpointing Frequency value ${text}` },
  ),
  numeric(
    { name: "checkpoint_thresh", number: 24, description: "WAL checkpoint threshold, in percentage" },
    { max: uint32Max, problem: (text) => `invalid Checkpointing threshold value ${text}` },
  ),
  size(
    { name: "data_thresh", number: 10, description: "Data bdev threshold size" },
    () => true,
    (text) => `invalid data threshold size "${text}"`,
  ),
  size(
    { name: "ec_cell_sz", number: 9, description: "EC cell size" },
    (bytes) => bytes >= ecCellMin && bytes <= ecCellMax && bytes % ecCellStep === 0n,
    (text) => `invalid EC Cell size "${text}"`,
  ),
  numeric(
    { name: "ec_pda", number: 12, description: "Performance domain affinity level of EC" },
    { min: 1n, max: uint32Max, problem: (text) => `invalid ec_pda value "${text}"` },
  ),
  numeric(
    { name: "global_version", number: 14, description: "Global Version" },
    { max: uint32Max, problem: (text) => `invalid global version "${text}"` },
  ),
  {
    name: "label",
    number: 1,
    description: "Pool label",
    choices: [],
    parse(text) {
      if (!isValidLabel(text)) throw new Error(`invalid label "${text}"`);
      return text;
    },
    format: String,
    toJson: String,
  },
  words(
    { name: "perf_domain", number: 21, description: "Pool performance domain" },
    { root: 255n, group: 3n },
  ),
  numeric(
    { name: "rd_fac", number: 11, description: "Pool redundancy factor" },
    {
      max: redundancyFactorMax,
      problem: (text) => `invalid redun fac value ${text} (valid values: 0-${redundancyFactorMax})`,
    },
  ),
  words(
    { name: "reclaim", number: 5, description: "Reclaim strategy" },
    { disabled: 0n, lazy: 1n, time: 4n },
  ),
  words(
    { name: "reintegration", number: 25, description: "Reintegration mode" },
    { data_sync: 0n, no_data_sync: 1n },
  ),
  numeric(
    { name: "rp_pda", number: 13, description: "Performance domain affinity level of RP" },
    { min: 1n, max: uint32Max, problem: (text) => `invalid rp_pda value "${text}"` },
  ),
  words(
    { name: "scrub", number: 16, description: "Checksum scrubbing mode" },
    { off: 0n, lazy: 1n, timed: 2n },
  ),
  numeric(
    { name: "scrub_freq", number: 17, description: "Checksum scrubbing frequency" },
    { max: uint64Max, percent: true, problem: (text) => `invalid Scrubbing Frequency value ${text}` },
  ),
  numeric(
    { name: "scrub_thresh", number: 18, description: "Checksum scrubbing threshold" },
    { max: uint64Max, percent: true, problem: (text) => `invalid Scrubbing Threshold value "${text}"` },
  ),
  words(
    { name: "self_heal", number: 4, description: "Self-healing policy" },
    {
      exclude: 1n,
      rebuild: 2n,
      delay_rebuild: 4n,
      "exclude,rebuild": 3n,
      "rebuild,exclude": 3n,
      "delay_rebuild,exclude": 5n,
      "exclude,delay_rebuild": 5n,
    },
    { 1: "exclude", 2: "rebuild", 4: "delay_rebuild", 3: "exclude,rebuild", 5: "exclude,delay_rebuild" },
  ),
  numeric(
    { name: "space_rb", number: 3, description: "Rebuild space ratio" },
    { max: 100n, percent: true, problem: (text) => `invalid space_rb value ${text} (valid values: 0-100)` },
    (value) => `${value}%`,
  ),
  {
    name: "svc_list",
    number: 8,
    description: "Pool service replica list",
    choices: [],
    parse() {
      throw new Error("cannot set pool service replica list");
    },
    format: String,
    toJson: (value) => parseRanks(String(value)),
  },
  numeric(
    { name: "svc_ops_enabled", number: 26, description: "Metadata duplicate operations detection enabled" },
    { max: 1n, problem: (text) => `invalid svc_ops_enabled value ${text} (valid values: 0-1)` },
  ),
  numeric(
    {
      name: "svc_ops_entry_age",
      number: 27,
      description: "Metadata duplicate operations KVS max entry age, in seconds",
    },
    {
      min: opsAgeMin,
      max: opsAgeMax,
      problem: (text) => `invalid svc_ops_entry_age ${text} (valid values: ${opsAgeMin}-${opsAgeMax})`,
    },
  ),
  numeric(
    { name: "svc_rf", number: 19, description: "Pool service redundancy factor" },
    {
      max: redundancyFactorMax,
      problem: (text) =>
        `invalid service redundancy factor value ${text} (valid values: 0-${redundancyFactorMax})`,
    },
  ),
  words(
    { name: "upgrade_status", number: 15, description: "Upgrade Status" },
    { "not started": 0n, "in progress": 1n, completed: 2n, failed: 3n },
  ),
];

/** All of them, sorted by name. */
export const poolProperties: ReadonlyMap<string, PoolPropertyDef> = new Map(
  definitions.map((definition) => [definition.name, definition]),
);

/** Names of earlier versions that are still taken. */
export const poolPropertyAliases: ReadonlyMap<string, string> = new Map([["rf", "rd_fac"]]);

/** What may not be changed once a pool exists, and how 2.6 says so. */
export const fixedAtCreation: ReadonlyMap<string, string> = new Map([
  ["perf_domain", "can't set perf_domain on existing pool."],
  ["rd_fac", "can't set redundancy factor on existing pool."],
  ["ec_pda", "can't set EC performance domain affinity on existing pool."],
  ["rp_pda", "can't set RP performance domain affinity on existing pool."],
]);

/** The same property under another name, which its errors then use. */
export function renamedProperty(definition: PoolPropertyDef, name: string): PoolPropertyDef {
  return {
    ...definition,
    name,
    parse(text) {
      try {
        return definition.parse(text);
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        throw new Error(words.replace(` for ${definition.name} (`, ` for ${name} (`));
      }
    },
  };
}
