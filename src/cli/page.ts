/** What there is to say of a command, taken from its definition: for help, man pages and docs alike. */
import type { ArgDef, ArgsDef } from "citty";
import { aliasesOf, argAliases, type ResolvedCommand, resolveCommand } from "./command.ts";

export interface Entry {
  /** "create", "<pool label or UUID>", "-r, --ranks=RANKS". */
  readonly label: string;
  readonly text: string;
}

export interface Page {
  /** "dmg pool create". */
  readonly name: string;
  readonly description: string;
  /** What follows the name: "[flags] <command>". */
  readonly usage: string;
  readonly commands: readonly (Entry & { readonly aliases: readonly string[] })[];
  readonly positionals: readonly Entry[];
  readonly flags: readonly Entry[];
  /** Flags of the commands it stands under. */
  readonly globalFlags: readonly Entry[];
}

/** The page of the last command of `chain`, whose names are `path`. */
export async function pageOf(
  program: string,
  path: readonly string[],
  chain: readonly ResolvedCommand[],
): Promise<Page> {
  const leaf = chain[chain.length - 1]!;
  const positionals = Object.entries(leaf.args).filter(([, def]) => def.type === "positional");
  const commands = await visibleCommands(leaf);
  return {
    name: [program, ...path].join(" "),
    description: leaf.meta.description ?? "",
    usage: [
      "[flags]",
      ...(commands.length === 0 ? [] : leaf.command.run === undefined ? ["<command>"] : ["[<command>]"]),
      ...positionals.map(([name, def]) => {
        const shown = def.valueHint ?? name;
        return def.required === false || def.default !== undefined ? `[${shown}]` : `<${shown}>`;
      }),
    ].join(" "),
    commands: commands.map(({ name, command: { meta } }) => ({
      label: name,
      text: meta.description ?? "",
      aliases: aliasesOf(meta),
    })),
    positionals: positionals.map(([name, def]) => ({
      label: def.valueHint ?? name,
      text: def.description ?? "",
    })),
    flags: optionEntries(leaf.args),
    globalFlags: [
      ...chain.slice(0, -1).flatMap((command) => optionEntries(command.args)),
      { label: "-h, --help", text: "Show this page" },
    ],
  };
}

export interface NamedCommand {
  readonly name: string;
  readonly command: ResolvedCommand;
}

/** The commands under one, but for the hidden ones, by name. */
export async function visibleCommands(parent: ResolvedCommand): Promise<NamedCommand[]> {
  const found: NamedCommand[] = [];
  for (const [name, source] of Object.entries(parent.subCommands).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const command = await resolveCommand(source);
    if (!command.meta.hidden) found.push({ name, command });
  }
  return found;
}

export interface PlacedCommand {
  readonly path: readonly string[];
  readonly chain: readonly ResolvedCommand[];
}

/** The last command of `chain` and all below it that are not hidden, each before those below it. */
export async function walk(
  path: readonly string[],
  chain: readonly ResolvedCommand[],
): Promise<PlacedCommand[]> {
  const found: PlacedCommand[] = [{ path, chain }];
  for (const { name, command } of await visibleCommands(chain[chain.length - 1]!)) {
    found.push(...(await walk([...path, name], [...chain, command])));
  }
  return found;
}

function optionEntries(defs: ArgsDef): Entry[] {
  return Object.entries(defs)
    .filter(([, def]) => def.type !== "positional")
    .map(([name, def]) => ({ label: optionLabel(name, def), text: optionText(def) }));
}

function optionLabel(name: string, def: ArgDef): string {
  const short = argAliases(def).filter((alias) => alias.length === 1);
  const lead = short.length > 0 ? `${short.map((letter) => `-${letter}`).join(", ")}, ` : "    ";
  const value = def.type === "boolean" ? "" : `=${(def.valueHint ?? name).toUpperCase()}`;
  return `${lead}--${name}${value}`;
}

function optionText(def: ArgDef): string {
  const choices = def.type === "enum" && def.options ? ` (one of ${def.options.join(", ")})` : "";
  const fallback = def.default === undefined || def.default === false ? "" : ` (default ${def.default})`;
  return `${def.description ?? ""}${choices}${fallback}`;
}
