import { isMap, isScalar, isSeq, type Node } from "yaml";
import { closest } from "../cli/suggest.ts";
import { isFault } from "../faults/fault.ts";
import { isNullNode, isPlain, mappingPairs, nodeKind, type ReadContext, scalarText } from "./document.ts";
import { parseBool, parseDurationMs, parseInteger } from "./scalars.ts";

/**
 * How the value of a key is read. `undefined` means that the key counts as not given: it is absent or
 * empty, or its value is wrong and a problem has been noted.
 */
export interface Reader<T> {
  read(context: ReadContext, node: Node, key: string): T | undefined;
  /** The value of a key that is there and empty; undefined: as if the key were absent. */
  readonly whenEmpty?: () => T;
}

export type Fields = Record<string, Reader<unknown>>;

export type Values<F extends Fields> = { [K in keyof F]?: F[K] extends Reader<infer T> ? T : never };

function wrongType(context: ReadContext, node: Node, key: string, wanted: string): undefined {
  context.problems.push({
    key,
    fault: context.badConfig(`${lastKey(key)} takes ${wanted}, not ${nodeKind(node)}`),
  });
  return undefined;
}

function lastKey(key: string): string {
  return key === "" ? "the file" : `"${key.slice(key.lastIndexOf(".") + 1)}"`;
}

/** Text. Numbers and the like are text here as they are in 2.6. */
export const text: Reader<string> = {
  read: (context, node, key) => (isScalar(node) ? scalarText(node) : wrongType(context, node, key, "text")),
};

export const bool: Reader<boolean> = {
  read(context, node, key) {
    const value = isScalar(node) && isPlain(node) ? parseBool(scalarText(node)) : undefined;
    return value ?? wrongType(context, node, key, "true or false");
  },
};

/** A whole number from `least` to `most`, both included. */
export function integer(least: number, most: number): Reader<number> {
  return {
    read(context, node, key) {
      const value = isScalar(node) && isPlain(node) ? parseInteger(scalarText(node)) : undefined;
      if (value === undefined) return wrongType(context, node, key, "a whole number");
      if (value < BigInt(least) || value > BigInt(most)) {
        const fault = context.badConfig(
          `${lastKey(key)} takes a number from ${least} to ${most}, not ${value}`,
        );
        context.problems.push({ key, fault });
        return undefined;
      }
      return Number(value);
    },
  };
}

/** Any number that the validation judges: what 2.6 holds in an `int`. */
export const anyInteger = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const uint8 = integer(0, 0xff);
export const uint32 = integer(0, 0xffffffff);
export const unsigned = integer(0, Number.MAX_SAFE_INTEGER);

/** A Go duration, as milliseconds. */
export const durationMs: Reader<number> = {
  read(context, node, key) {
    const value = isScalar(node) ? parseDurationMs(scalarText(node)) : undefined;
    return value ?? wrongType(context, node, key, 'a duration such as "90s", "5m" or "1h"');
  },
};

/** One of `words`, letter case ignored; the value is the word as listed. */
export function word<W extends string>(words: readonly W[], what: string): Reader<W> {
  return {
    read(context, node, key) {
      const given = isScalar(node) ? scalarText(node) : undefined;
      const found = words.find((candidate) => candidate.toLowerCase() === given?.toLowerCase());
      if (found !== undefined) return found;
      const near =
        given === undefined
          ? undefined
          : closest(
              given.toUpperCase(),
              words.map((w) => w.toUpperCase()),
            );
      const hint = near === undefined ? "" : `; did you mean ${words.find((w) => w.toUpperCase() === near)}?`;
      return wrongType(context, node, key, `${what} (${words.join(", ")})${hint}`);
    },
  };
}

/**
 * A list. A wrong entry is noted and left out; an empty one is left out silently, as 2.6 does for tiers,
 * unless `emptyEntry` says what is wrong with it.
 */
export function list<T>(entry: Reader<T>, emptyEntry?: string): Reader<T[]> {
  return {
    whenEmpty: () => [],
    read(context, node, key) {
      if (!isSeq(node)) return wrongType(context, node, key, "a list");
      const values: T[] = [];
      let index = 0;
      for (const item of node.items) {
        const child = context.resolve(item);
        const childKey = `${key}[${index}]`;
        if (child === null || isNullNode(child)) {
          if (emptyEntry !== undefined)
            context.problems.push({ key: childKey, fault: context.badConfig(emptyEntry) });
          continue;
        }
        index++;
        context.at(childKey, child);
        const value = entry.read(context, child, childKey);
        if (value !== undefined) values.push(value);
      }
      return values;
    },
  };
}

/** What to say of a key that a section does not know. */
export type UnknownKeyHint = (key: string) => string | undefined;

/** A section of known keys. Every other key is a problem, with the key that was likely meant. */
export function section<F extends Fields>(fields: F, hint?: UnknownKeyHint): Reader<Values<F>> {
  return {
    read(context, node, key) {
      if (!isMap(node)) return wrongType(context, node, key, "a section of keys");
      const values: Record<string, unknown> = {};
      for (const { key: name, value } of mappingPairs(context, node)) {
        const keyName = scalarText(name);
        const childKey = key === "" ? keyName : `${key}.${keyName}`;
        context.at(childKey, name);
        const reader = Object.hasOwn(fields, keyName) ? fields[keyName] : undefined;
        if (reader === undefined) {
          unknownKey(context, childKey, keyName, Object.keys(fields), hint);
        } else if (value === null || isNullNode(value)) {
          if (reader.whenEmpty !== undefined) values[keyName] = reader.whenEmpty();
        } else {
          values[keyName] = reader.read(context, value, childKey);
        }
      }
      return values as Values<F>;
    },
  };
}

function unknownKey(
  context: ReadContext,
  path: string,
  name: string,
  known: readonly string[],
  hint: UnknownKeyHint | undefined,
): void {
  const near = closest(name, known);
  const few = known.length <= 12 ? `known keys here: ${known.join(", ")}` : "no known key is like it";
  const advice = hint?.(name) ?? (near === undefined ? few : `did you mean "${near}"?`);
  const where = path === name ? "" : ` in ${path.slice(0, path.length - name.length - 1)}`;
  context.problems.push({ key: path, fault: context.badConfig(`unknown key "${name}"${where}; ${advice}`) });
}

/** Turns what `inner` read into something else. A Fault that `apply` throws becomes a problem at the key. */
export function convert<T, U>(
  inner: Reader<T>,
  apply: (value: T, context: ReadContext, key: string) => U,
): Reader<U> {
  return {
    read(context, node, key) {
      const value = inner.read(context, node, key);
      if (value === undefined) return undefined;
      try {
        return apply(value, context, key);
      } catch (error) {
        if (!isFault(error)) throw error;
        context.problems.push({ key, fault: error });
        return undefined;
      }
    },
  };
}
