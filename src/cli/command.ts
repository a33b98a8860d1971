import type { ArgDef, ArgsDef, CommandMeta, Resolvable, SubCommandsDef } from "citty";

/** Any citty command definition, whatever its arguments. */
export type AnyCommand = SubCommandsDef[string] extends Resolvable<infer C> ? C : never;

/** A command with what its definition hides behind promises and functions made plain. */
export interface ResolvedCommand {
  readonly command: AnyCommand;
  readonly meta: CommandMeta;
  readonly args: ArgsDef;
  readonly subCommands: SubCommandsDef;
}

async function resolveValue<T>(value: Resolvable<T>): Promise<T> {
  return typeof value === "function" ? await (value as () => T | Promise<T>)() : await value;
}

export async function resolveCommand(source: Resolvable<AnyCommand>): Promise<ResolvedCommand> {
  const command = await resolveValue(source);
  return {
    command,
    meta: (await resolveValue(command.meta ?? {})) as CommandMeta,
    args: (await resolveValue(command.args ?? {})) as ArgsDef,
    subCommands: (await resolveValue(command.subCommands ?? {})) as SubCommandsDef,
  };
}

export function aliasesOf(of: { alias?: string | string[] }): string[] {
  return of.alias === undefined ? [] : typeof of.alias === "string" ? [of.alias] : [...of.alias];
}

/** Aliases of an argument; a positional has none. */
export function argAliases(def: ArgDef): string[] {
  return "alias" in def ? aliasesOf(def) : [];
}

/**
 * The subcommand called `word`: by key at once, by alias only when no key fits (that loads the
 * siblings, which a well-typed command never pays for).
 */
export async function findSubCommand(
  parent: ResolvedCommand,
  word: string,
): Promise<{ name: string; resolved: ResolvedCommand } | undefined> {
  const direct = Object.hasOwn(parent.subCommands, word) ? parent.subCommands[word] : undefined;
  if (direct !== undefined) return { name: word, resolved: await resolveCommand(direct) };
  for (const [name, source] of Object.entries(parent.subCommands)) {
    const resolved = await resolveCommand(source);
    if (aliasesOf(resolved.meta).includes(word)) return { name, resolved };
  }
  return undefined;
}
