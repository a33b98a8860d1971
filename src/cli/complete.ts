/** What may stand next on a command line, from the definitions of the commands. */
import type { ArgDef } from "citty";
import { argAliases, findSubCommand, type ResolvedCommand } from "./command.ts";
import { visibleCommands } from "./page.ts";

export interface Candidate {
  /** The whole word, what is typed of it already included. */
  readonly word: string;
  readonly text?: string | undefined;
}

/** What is known of a value when its candidates are asked for. */
export interface ValueRequest {
  /** Path of the command, without the program. */
  readonly path: readonly string[];
  /** The argument's `valueHint`, or its name. */
  readonly hint: string;
  /** What is typed of the value. */
  readonly typed: string;
  /** Values of options and positionals before it. */
  readonly args: Readonly<Record<string, string | boolean>>;
}

export type ValueSource = (request: ValueRequest) => Promise<readonly Candidate[]>;

interface Option {
  readonly name: string;
  readonly def: ArgDef;
}

/**
 * Candidates for the last of `words`, which may be empty. What stands before it is taken as it is, right or
 * wrong: nothing here throws but `values`.
 */
export async function complete(
  root: ResolvedCommand,
  words: readonly string[],
  values: ValueSource,
): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? "";
  const options = new Map<string, Option>();
  const args: Record<string, string | boolean> = {};
  const path: string[] = [];
  let here = root;
  let positionals = 0;
  let waiting: Option | undefined;
  let optionsEnded = false;
  addOptions(options, here);

  for (const word of words.slice(0, -1)) {
    if (waiting !== undefined) {
      args[waiting.name] = word;
      waiting = undefined;
    } else if (!optionsEnded && word === "--") {
      optionsEnded = true;
    } else if (!optionsEnded && word.startsWith("-") && word.length > 1) {
      waiting = takeOption(word, options, args);
    } else {
      const next = positionals === 0 ? await findSubCommand(here, word) : undefined;
      if (next === undefined) {
        const name = positionalAt(here, positionals)?.name;
        if (name !== undefined) args[name] = word;
        positionals++;
        continue;
      }
      here = next.resolved;
      path.push(next.name);
      addOptions(options, here);
    }
  }

  const ofValue = async (option: Option, value: string, lead: string): Promise<readonly Candidate[]> => {
    const found = await valueCandidates(option, { path, hint: "", typed: value, args }, values);
    return found.map(({ word, text }) => ({ word: lead + word, text }));
  };
  if (waiting !== undefined) return ofValue(waiting, typed, "");
  const inline = /^--([^=]+)=(.*)$/s.exec(typed);
  if (!optionsEnded && inline !== null) {
    const option = options.get(inline[1]!);
    return option === undefined || option.def.type === "boolean"
      ? []
      : ofValue(option, inline[2]!, `--${inline[1]}=`);
  }
  if (!optionsEnded && typed.startsWith("-")) return optionCandidates(options, typed);
  if (positionals === 0 && Object.keys(here.subCommands).length > 0) {
    const commands = await visibleCommands(here);
    return commands
      .map(({ name, command }) => ({ word: name, text: command.meta.description }))
      .filter(({ word }) => word.startsWith(typed));
  }
  const positional = positionalAt(here, positionals);
  return positional === undefined ? [] : ofValue(positional, typed, "");
}

function addOptions(options: Map<string, Option>, { args }: ResolvedCommand): void {
  for (const [name, def] of Object.entries(args)) {
    if (def.type === "positional") continue;
    options.set(name, { name, def });
    for (const alias of argAliases(def)) options.set(alias, { name, def });
  }
}

/** Notes what an option says; gives it back when its value is the next word. */
function takeOption(
  word: string,
  options: Map<string, Option>,
  args: Record<string, string | boolean>,
): Option | undefined {
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    const option = options.get(equals < 0 ? word.slice(2) : word.slice(2, equals));
    if (option === undefined) return undefined;
    if (option.def.type === "boolean") args[option.name] = true;
    else if (equals < 0) return option;
    else args[option.name] = word.slice(equals + 1);
    return undefined;
  }
  for (let at = 1; at < word.length; at++) {
    const option = options.get(word[at]!);
    if (option === undefined) return undefined;
    if (option.def.type === "boolean") {
      args[option.name] = true;
      continue;
    }
    if (at === word.length - 1) return option;
    args[option.name] = word.slice(at + 1).replace(/^=/, "");
    return undefined;
  }
  return undefined;
}

function positionalAt({ args }: ResolvedCommand, index: number): Option | undefined {
  const all = Object.entries(args).filter(([, def]) => def.type === "positional");
  const last = all.at(-1);
  const found = all[index] ?? (last?.[1].valueHint?.endsWith("...") ? last : undefined);
  return found === undefined ? undefined : { name: found[0], def: found[1] };
}

function optionCandidates(options: Map<string, Option>, typed: string): Candidate[] {
  const found = [...options]
    .filter(([key]) => key.length > 1)
    .map(([key, { def }]) => ({ word: `--${key}`, text: def.description }));
  found.push({ word: "--help", text: "Show the help of this command" });
  return found
    .filter(({ word }) => word.startsWith(typed))
    .sort((left, right) => (left.word < right.word ? -1 : 1));
}

async function valueCandidates(
  { name, def }: Option,
  request: ValueRequest,
  values: ValueSource,
): Promise<readonly Candidate[]> {
  const hint = def.valueHint ?? name;
  // "nvme|scm" says all there is to say.
  const choices =
    def.type === "enum" ? def.options : /^[\w-]+(\|[\w-]+)+$/.test(hint) ? hint.split("|") : undefined;
  const found = choices?.map((word): Candidate => ({ word })) ?? (await values({ ...request, hint }));
  return found.filter(({ word }) => word.startsWith(request.typed));
}
