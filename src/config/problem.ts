import { Fault } from "../faults/fault.ts";

/** One thing wrong in a configuration file. */
export interface ConfigProblem {
  readonly fault: Fault;
  /** The key in question as a person would write it: `engines[0].storage[1].bdev_list`; "" for the whole file. */
  readonly key: string;
}

/** Where a key stands in its file, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Positions of all keys and list entries of one file. */
export interface SourceMap {
  readonly file: string;
  /** By key path. "" is the start of the file. */
  readonly positions: ReadonlyMap<string, Position>;
}

/** A problem with its place, ready to be shown. */
export interface LocatedProblem extends ConfigProblem {
  readonly file?: string;
  readonly position?: Position;
}

const sources = new WeakMap<object, SourceMap>();

/** Keeps the positions beside a configuration, so that validation, which comes later, can name lines. */
export function rememberSource(config: object, source: SourceMap): void {
  sources.set(config, source);
}

/** The positions of a configuration read from a file; undefined for one made in memory. */
export function sourceOf(config: object): SourceMap | undefined {
  return sources.get(config);
}

/** The path without its last key or index; "" for a top-level key. */
function parentKey(key: string): string {
  const cut = Math.max(key.lastIndexOf("."), key.lastIndexOf("["));
  return cut <= 0 ? "" : key.slice(0, cut);
}

/** Finds the place of a problem: the key itself, else (the key is missing) what it should stand in. */
export function locate(problem: ConfigProblem, source: SourceMap | undefined): LocatedProblem {
  if (source === undefined) return problem;
  let key = problem.key;
  let position = source.positions.get(key);
  while (position === undefined && key !== "") {
    key = parentKey(key);
    position = source.positions.get(key);
  }
  return { ...problem, file: source.file, position };
}

/** "file:line:column", as editors and compilers write it; "" when nothing is known. */
export function placeText(problem: LocatedProblem): string {
  if (problem.file === undefined) return "";
  const at = problem.position;
  return at === undefined ? problem.file : `${problem.file}:${at.line}:${at.column}`;
}

/** In the order of the file. */
export function byPosition(a: LocatedProblem, b: LocatedProblem): number {
  const left = a.position ?? { line: 0, column: 0 };
  const right = b.position ?? { line: 0, column: 0 };
  return left.line - right.line || left.column - right.column;
}

/**
 * Problems as one error: the first, with its place in front, and how many more there are. Its number is
 * the first problem's.
 */
export function problemsFault(problems: readonly LocatedProblem[]): Fault {
  const first = problems[0];
  if (first === undefined) throw new Error("no problem to report");
  const place = placeText(first);
  const key = first.key === "" ? "" : ` (${first.key})`;
  const more = problems.length === 1 ? "" : `; and ${problems.length - 1} more`;
  const { domain, code, description, resolution, reason } = first.fault;
  return new Fault(
    domain,
    code,
    `${place === "" ? "" : `${place}: `}${description}${key}${more}`,
    resolution,
    reason,
  );
}
