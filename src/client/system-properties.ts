/** The properties of a system, their descriptions and the values they take (2.6: system_prop.go). */
import { poolProperties, renamedProperty } from "./pool-properties.ts";

export interface SystemPropertyDef {
  readonly key: string;
  readonly description: string;
  /** The value as the servers want it. @throws Error */
  readonly parse: (text: string) => string;
  readonly choices: readonly string[];
}

function computed(key: string, description: string): SystemPropertyDef {
  return {
    key,
    description,
    choices: [],
    parse() {
      throw new Error("computed property values may not be set");
    },
  };
}

/** A pool property that can be set for all pools, those to come included. */
function ofPools(key: string, poolProperty: string): SystemPropertyDef {
  const { description, parse, format, choices } = renamedProperty(poolProperties.get(poolProperty)!, key);
  return { key, description, choices, parse: (text) => format(parse(text)) };
}

const definitions: readonly SystemPropertyDef[] = [
  computed("daos_system", "DAOS system name"),
  computed("daos_version", "DAOS version"),
  ofPools("pool_scrub_mode", "scrub"),
  ofPools("pool_scrub_thresh", "scrub_thresh"),
];

export const systemProperties: ReadonlyMap<string, SystemPropertyDef> = new Map(
  definitions.map((definition) => [definition.key, definition]),
);
