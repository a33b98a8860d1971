import type { Change, SystemState } from "./types.ts";

/** Keys with these beginnings belong to the system: properties people set, and what the service keeps. */
const propertyPrefix = "prop.";
const servicePrefix = "mgmt.";

export function isReservedKey(key: string): boolean {
  return key.startsWith(propertyPrefix) || key.startsWith(servicePrefix);
}

/** One attribute; an empty value removes it. */
function attributeChange(key: string, value: string): Change {
  return value === "" ? { kind: "removeAttribute", key } : { kind: "setAttribute", key, value };
}

/**
 * Sets attributes of an administrator's; an empty value removes one.
 * @throws Error for a reserved key.
 */
export function attributeChanges(attributes: Readonly<Record<string, string>>): Change[] {
  for (const key of Object.keys(attributes)) {
    if (isReservedKey(key)) throw new Error(`cannot set reserved key "${key}"`);
  }
  return Object.entries(attributes).map(([key, value]) => attributeChange(key, value));
}

/**
 * Attributes an administrator may see: all, or those asked for.
 * @throws Error when one asked for does not exist.
 */
export function visibleAttributes(state: SystemState, keys: readonly string[]): Record<string, string> {
  const answer: Record<string, string> = {};
  for (const key of keys.length === 0 ? state.attributes.keys() : keys) {
    const value = state.attributes.get(key);
    if (value === undefined) throw new Error(`unable to find system attribute with key "${key}"`);
    if (!isReservedKey(key)) answer[key] = value;
  }
  return answer;
}

/** A value the service keeps for itself. */
export function serviceValue(state: SystemState, name: string): string | undefined {
  return state.attributes.get(servicePrefix + name);
}

/** Names and values the service keeps for itself below a prefix; names come without it. */
export function serviceValues(state: SystemState, prefix: string): Map<string, string> {
  const start = servicePrefix + prefix;
  const found = [...state.attributes].filter(([key]) => key.startsWith(start));
  return new Map(found.map(([key, value]) => [key.slice(start.length), value]));
}

export function serviceValueChange(name: string, value: string): Change {
  return attributeChange(servicePrefix + name, value);
}

/** The stored text of a system property, or undefined when it was never set. */
export function propertyValue(state: SystemState, name: string): string | undefined {
  return state.attributes.get(propertyPrefix + name);
}

export function propertyChange(name: string, value: string): Change {
  return attributeChange(propertyPrefix + name, value);
}

/** Names and texts of all stored properties. */
export function storedProperties(state: SystemState): Map<string, string> {
  const stored = new Map<string, string>();
  for (const [key, value] of state.attributes) {
    if (key.startsWith(propertyPrefix)) stored.set(key.slice(propertyPrefix.length), value);
  }
  return stored;
}
