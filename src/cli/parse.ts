import type { ArgDef, ArgsDef } from "citty";
import { argAliases, findSubCommand, type ResolvedCommand } from "./command.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

export type ArgValue = string | boolean | string[];

/** Values by long name, positionals by their name, all positionals in `_`. */
export type ArgValues = Record<string, ArgValue | undefined> & { _: string[] };

export interface ParsedCommandLine {
  /** The commands walked through, outermost first; the last one is to be run. */
  readonly chain: readonly ResolvedCommand[];
  /** Their names as defined (never an alias), without the program's own. */
  readonly path: readonly string[];
  readonly args: ArgValues;
  readonly helpWanted: boolean;
}

interface KnownOption {
  readonly name: string;
  readonly def: ArgDef;
}

/**
 * Parses a command line strictly, in the manner of the 2.6 programs: `--name=value`, `--name value`,
 * `-n value`, `-nvalue`, `-ab`; options of an outer command may stand anywhere, those of a command only
 * after its name; `--` ends options. A positional whose `valueHint` ends in "..." takes all that follow.
 *
 * @throws UsageError for an unknown command, option or surplus argument, a missing or unwanted value.
 */
export async function parseCommandLine(
  root: ResolvedCommand,
  argv: readonly string[],
): Promise<ParsedCommandLine> {
  const chain = [root];
  const path: string[] = [];
  const options = new Map<string, KnownOption>();
  const args: ArgValues = { _: [] };
  let helpWanted = false;
  addOptions(options, root.args);

  const words = [...argv];
  let optionsEnded = false;
  while (words.length > 0) {
    const word = words.shift()!;
    if (!optionsEnded && word === "--") {
      optionsEnded = true;
    } else if (!optionsEnded && (word === "--help" || (word === "-h" && !options.has("h")))) {
      helpWanted = true;
    } else if (!optionsEnded && word.startsWith("--")) {
      takeLong(word, words, options, args);
    } else if (!optionsEnded && word.length > 1 && word.startsWith("-")) {
      takeShort(word, words, options, args);
    } else {
      const here = chain[chain.length - 1]!;
      if (Object.keys(here.subCommands).length === 0) {
        args._.push(word);
        continue;
      }
      const next = await findSubCommand(here, word);
      if (next === undefined) {
        const where = path.length === 0 ? "" : ` of "${path.join(" ")}"`;
        throw new UsageError(
          `unknown command "${word}"${where}`,
          didYouMean(word, Object.keys(here.subCommands)),
        );
      }
      chain.push(next.resolved);
      path.push(next.name);
      addOptions(options, next.resolved.args);
    }
  }

  const leaf = chain[chain.length - 1]!;
  if (!helpWanted) {
    if (Object.keys(leaf.subCommands).length > 0 && leaf.command.run === undefined) {
      throw new UsageError(`please name one of the commands: ${Object.keys(leaf.subCommands).join(", ")}`);
    }
    bindPositionals(leaf, args);
    applyDefaults(chain, args);
  }
  return { chain, path, args, helpWanted };
}

function addOptions(options: Map<string, KnownOption>, defs: ArgsDef): void {
  for (const [name, def] of Object.entries(defs)) {
    if (def.type === "positional") continue;
    options.set(name, { name, def });
    for (const alias of argAliases(def)) options.set(alias, { name, def });
  }
}

function longNames(options: Map<string, KnownOption>): string[] {
  return [...options.keys()].filter((key) => key.length > 1);
}

function takeLong(word: string, words: string[], options: Map<string, KnownOption>, args: ArgValues): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const option = name.length > 1 ? options.get(name) : undefined;
  if (option === undefined) {
    const near = didYouMean(name, longNames(options));
    throw new UsageError(`unknown flag "--${name}"`, near.replace('"', '"--'));
  }
  const inline = equals < 0 ? undefined : word.slice(equals + 1);
  store(option, `--${name}`, inline, words, args);
}

function takeShort(word: string, words: string[], options: Map<string, KnownOption>, args: ArgValues): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at]!;
    const option = options.get(letter);
    if (option === undefined) throw new UsageError(`unknown flag "-${letter}"`);
    if (option.def.type === "boolean") {
      args[option.name] = true;
      continue;
    }
    const rest = word.slice(at + 1);
    store(option, `-${letter}`, rest === "" ? undefined : rest.replace(/^=/, ""), words, args);
    return;
  }
}

function store(
  option: KnownOption,
  shown: string,
  inline: string | undefined,
  words: string[],
  args: ArgValues,
): void {
  if (option.def.type === "boolean") {
    if (inline !== undefined && inline !== "true" && inline !== "false") {
      throw new UsageError(`flag "${shown}" takes no value, but got "${inline}"`);
    }
    args[option.name] = inline !== "false";
    return;
  }
  const value = inline ?? words.shift();
  if (
    value === undefined ||
    (inline === undefined && value.length > 1 && value.startsWith("-") && Number.isNaN(Number(value)))
  ) {
    throw new UsageError(`flag "${shown}" needs a value`);
  }
  const allowed = option.def.type === "enum" ? (option.def.options ?? []) : undefined;
  if (allowed !== undefined && !allowed.includes(value)) {
    throw new UsageError(
      `flag "${shown}" takes one of ${allowed.join(", ")}, not "${value}"`,
      didYouMean(value, allowed),
    );
  }
  args[option.name] = value;
}

function bindPositionals(leaf: ResolvedCommand, args: ArgValues): void {
  const positionals = Object.entries(leaf.args).filter(([, def]) => def.type === "positional");
  const variadic = positionals.at(-1)?.[1].valueHint?.endsWith("...") === true;
  if (args._.length > positionals.length && !variadic) {
    throw new UsageError(`unexpected commandline arguments: ${args._.slice(positionals.length).join(" ")}`);
  }
  positionals.forEach(([name, def], at) => {
    const value = args._[at];
    if (value !== undefined) args[name] = value;
    else if (def.default !== undefined) args[name] = def.default as string;
    else if (def.required !== false)
      throw new UsageError(`the argument <${def.valueHint ?? name}> is missing`);
  });
}

function applyDefaults(chain: readonly ResolvedCommand[], args: ArgValues): void {
  for (const { args: defs } of chain) {
    for (const [name, def] of Object.entries(defs)) {
      if (def.type === "positional" || args[name] !== undefined) continue;
      if (def.default !== undefined) args[name] = def.default as ArgValue;
      else if (def.required === true) throw new UsageError(`the required flag "--${name}" was not specified`);
    }
  }
}
