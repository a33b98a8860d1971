import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from "yaml";
import { errorText, type Fault } from "../faults/fault.ts";
import type { ConfigProblem, Position, SourceMap } from "./problem.ts";
import { isNullWord } from "./scalars.ts";

/** No configuration of this kind is near it; a file above it is another file by mistake. */
const maximumFileBytes = 4 * 1024 * 1024;

/** What a reader of one file knows and collects. */
export interface ReadContext {
  readonly file: string;
  readonly problems: ConfigProblem[];
  readonly positions: Map<string, Position>;
  /** Makes the fault for a problem without a number of its own. */
  readonly badConfig: (description: string, resolution?: string) => Fault;
  /** Notes where `node` stands under the name `key`. */
  at(key: string, node: Node | null | undefined): void;
  /** Follows an alias; null for one that leads nowhere. */
  resolve(node: unknown): Node | null;
}

export interface OpenDocument {
  readonly context: ReadContext;
  /** undefined: nothing could be parsed, and `context.problems` says why. null: an empty file. */
  readonly root: Node | null | undefined;
}

/** The positions in `context` as something to remember. */
export function sourceMap(context: ReadContext): SourceMap {
  return { file: context.file, positions: context.positions };
}

/**
 * Parses one YAML document. Every scalar stays text: its meaning is decided by the key it belongs to. No
 * input makes it throw.
 */
export function openDocument(
  bytes: Uint8Array,
  file: string,
  badConfig: ReadContext["badConfig"],
): OpenDocument {
  const lines = new LineCounter();
  const problems: ConfigProblem[] = [];
  const positions = new Map<string, Position>([["", { line: 1, column: 1 }]]);
  const context = {
    file,
    problems,
    positions,
    badConfig,
    at(key: string, node: Node | null | undefined) {
      const offset = node?.range?.[0];
      if (offset === undefined) return;
      const { line, col } = lines.linePos(offset);
      if (line > 0) positions.set(key, { line, column: col });
    },
    resolve: (node: unknown): Node | null => (node as Node | null | undefined) ?? null,
  };

  const unreadable = (reason: string, offset = 0): OpenDocument => {
    const { line, col } = lines.linePos(offset);
    positions.set("", { line: Math.max(1, line), column: Math.max(1, col) });
    problems.push({ key: "", fault: badConfig(reason) });
    return { context, root: undefined };
  };

  if (bytes.byteLength > maximumFileBytes) {
    return unreadable(`file of ${bytes.byteLength} bytes is larger than the limit of ${maximumFileBytes}`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return unreadable("not a text file in UTF-8");
  }

  try {
    const document = parseDocument(text, {
      schema: "failsafe",
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
      strict: true,
      logLevel: "error",
    });
    const syntaxError = document.errors[0];
    if (syntaxError !== undefined) {
      return unreadable(`not valid YAML: ${firstLine(syntaxError.message)}`, syntaxError.pos[0]);
    }
    context.resolve = (node) => {
      if (isAlias(node)) return node.resolve(document) ?? null;
      return (node as Node | null | undefined) ?? null;
    };
    const root = context.resolve(document.contents);
    return { context, root: isNullNode(root) ? null : root };
  } catch (error) {
    // The parser recurses: nesting that exhausts its stack ends here.
    return unreadable(`not valid YAML: ${firstLine(errorText(error))}`);
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

/** An empty value, or one of the words for it. */
export function isNullNode(node: Node | null): boolean {
  if (node === null) return true;
  if (!isScalar(node)) return false;
  return (node.type === undefined || node.type === Scalar.PLAIN) && isNullWord(scalarText(node));
}

/** True for text without quotes, whose meaning YAML derives from its looks. */
export function isPlain(node: Scalar): boolean {
  return node.type === undefined || node.type === Scalar.PLAIN;
}

export function scalarText(node: Scalar): string {
  return node.source ?? (typeof node.value === "string" ? node.value : String(node.value ?? ""));
}

/** What a person would call the node. */
export function nodeKind(node: Node | null): string {
  if (isNullNode(node)) return "nothing";
  if (isMap(node)) return "a section of keys";
  if (isSeq(node)) return "a list";
  if (isScalar(node)) return `"${scalarText(node)}"`;
  return "something else";
}

/** The pairs of a mapping, those of merge keys (`<<`) after its own; a later pair of the same key loses. */
export function mappingPairs(context: ReadContext, node: Node): { key: Scalar; value: Node | null }[] {
  const pairs: { key: Scalar; value: Node | null }[] = [];
  const seen = new Set<string>();
  const visit = (mapping: Node | null, depth: number): void => {
    // A merge may name a mapping that merges in turn; anchors can make a ring of it.
    if (!isMap(mapping) || depth > 8) return;
    const merges: Node[] = [];
    for (const pair of mapping.items) {
      if (!isPair(pair)) continue;
      const key = context.resolve(pair.key);
      const value = context.resolve(pair.value);
      if (!isScalar(key)) {
        context.problems.push({ key: "", fault: context.badConfig("a key must be a word") });
        continue;
      }
      const name = scalarText(key);
      if (name === "<<" && isPlain(key)) {
        if (isSeq(value))
          merges.push(...value.items.map((item) => context.resolve(item)).filter((n) => n !== null));
        else if (value !== null) merges.push(value);
      } else if (!seen.has(name)) {
        seen.add(name);
        pairs.push({ key, value });
      }
    }
    for (const merge of merges) visit(merge, depth + 1);
  };
  visit(node, 0);
  return pairs;
}
