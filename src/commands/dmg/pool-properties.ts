import type { PoolPropertyValue } from "../../client/pool.ts";
import { poolProperties, poolPropertyAliases } from "../../client/pool-properties.ts";
import { parseKeys, parseSettings, unquote } from "./property-list.ts";

const rules = { allowed: [...poolProperties.keys()], aliases: poolPropertyAliases };

export interface NamedPropertyValue extends PoolPropertyValue {
  readonly name: string;
}

/** `label:tank,rd_fac:1` as values for the wire, sorted by name. @throws Error */
export function parsePoolSettings(text: string): NamedPropertyValue[] {
  const settings = parseSettings(text, rules);
  return [...settings]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => {
      const definition = poolProperties.get(name)!;
      return { name, number: definition.number, value: definition.parse(unquote(value)) };
    });
}

/** Names of properties, sorted; all of them for no text. @throws Error */
export function parsePoolKeys(text: string | undefined): string[] {
  if (text === undefined) return [...poolProperties.keys()];
  return parseKeys(text, rules);
}
