import { didYouMean } from "../../../cli/suggest.ts";
import { type SystemPropertyDef, systemProperties } from "../../../client/system-properties.ts";

/** @throws Error for a name that is none, with the one that was probably meant */
export function systemPropertyNamed(name: string): SystemPropertyDef {
  const property = systemProperties.get(name.toLowerCase());
  if (property !== undefined) return property;
  const hint = didYouMean(name, systemProperties.keys());
  throw new Error(`invalid system property key: ${name}${hint === "" ? "" : `; ${hint}`}`);
}
