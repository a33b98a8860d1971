import { propertyChange, propertyValue, storedProperties } from "./attributes.ts";
import type { Change, SystemState } from "./types.ts";

/** What a system property may be and where its value comes from. */
export interface SystemProperty {
  readonly name: string;
  readonly description: string;
  /** Reads a value, answers the text to store. @throws Error saying what is allowed. */
  readonly parse: (text: string) => string;
  /** The value of a system where it was never set. */
  readonly initial: (facts: SystemFacts) => string;
  /** The property of each pool that follows it. */
  readonly pool?: { readonly number: number; readonly valueOf: (text: string) => bigint };
}

export interface SystemFacts {
  readonly version: string;
  readonly systemName: string;
}

const computed = (): never => {
  throw new Error("computed property values may not be set");
};

/** DAOS_SCRUB_MODE_… */
const scrubModes = ["off", "lazy", "timed"];

/** All of them, by name: those of DAOS 2.6. */
export const systemProperties: readonly SystemProperty[] = [
  {
    name: "daos_system",
    description: "DAOS system name",
    parse: computed,
    initial: ({ systemName }) => systemName,
  },
  {
    name: "daos_version",
    description: "DAOS version",
    parse: computed,
    initial: ({ version }) => version,
  },
  {
    name: "pool_scrub_mode",
    description: "Checksum scrubbing mode",
    parse(text) {
      const mode = text.toLowerCase();
      if (scrubModes.includes(mode)) return mode;
      throw new Error(`invalid value "${text}" for scrub (valid: ${scrubModes.join(",")})`);
    },
    initial: () => "off",
    // DAOS_PROP_PO_SCRUB_MODE
    pool: { number: 16, valueOf: (text) => BigInt(scrubModes.indexOf(text)) },
  },
  {
    name: "pool_scrub_thresh",
    description: "Checksum scrubbing threshold",
    parse(text) {
      const digits = text.replaceAll("%", "");
      if (/^\d{1,20}$/.test(digits) && BigInt(digits) < 1n << 64n) return BigInt(digits).toString();
      throw new Error(`invalid Scrubbing Threshold value "${text}"`);
    },
    initial: () => "0",
    // DAOS_PROP_PO_SCRUB_THRESH
    pool: { number: 18, valueOf: BigInt },
  },
];

const byName = new Map(systemProperties.map((property) => [property.name, property]));

function known(name: string): SystemProperty {
  const property = byName.get(name.toLowerCase());
  if (property === undefined) throw new Error(`unknown property "${name}"`);
  return property;
}

/** Sets properties. @throws Error for an unknown one or a value it may not have. */
export function propertyChanges(properties: Readonly<Record<string, string>>): Change[] {
  return Object.entries(properties).map(([name, text]) => {
    const property = known(name);
    let value: string;
    try {
      value = property.parse(text);
    } catch (error) {
      throw new Error(`invalid value for property "${name}": ${(error as Error).message}`, { cause: error });
    }
    return propertyChange(property.name, value);
  });
}

/** The text of one property. @throws Error when there is none of that name. */
export function systemPropertyText(state: SystemState, name: string, facts: SystemFacts): string {
  const property = known(name);
  return propertyValue(state, property.name) ?? property.initial(facts);
}

/** Properties by name: those asked for, or all. @throws Error for an unknown name. */
export function visibleProperties(
  state: SystemState,
  names: readonly string[],
  facts: SystemFacts,
): Record<string, string> {
  const answer: Record<string, string> = Object.fromEntries(storedProperties(state));
  for (const name of names.length === 0 ? byName.keys() : names) {
    answer[name] ??= systemPropertyText(state, name, facts);
  }
  return answer;
}

/** The pool property that a system property stands for, with its value as a number. */
export function poolPropertyOf(name: string, text: string): { number: number; value: bigint } | undefined {
  const { pool } = known(name);
  return pool && { number: pool.number, value: pool.valueOf(text) };
}
