import type { ArgDef, ArgsDef } from "citty";
import { aliasesOf, argAliases, type ResolvedCommand, resolveCommand } from "./command.ts";

/** The help page of the last command of `chain`. */
export async function renderHelp(
  program: string,
  path: readonly string[],
  chain: readonly ResolvedCommand[],
): Promise<string> {
  const leaf = chain[chain.length - 1]!;
  const positionals = Object.entries(leaf.args).filter(([, def]) => def.type === "positional");
  const subNames = Object.keys(leaf.subCommands);
  const usage = [
    program,
    ...path,
    "[flags]",
    ...(subNames.length > 0 ? ["<command>"] : []),
    ...positionals.map(([name, def]) => {
      const shown = def.valueHint ?? name;
      return def.required === false || def.default !== undefined ? `[${shown}]` : `<${shown}>`;
    }),
  ].join(" ");
  const parts = [leaf.meta.description ?? "", `Usage:\n  ${usage}`];

  if (subNames.length > 0) {
    const rows: [string, string][] = [];
    for (const name of subNames.sort()) {
      const { meta } = await resolveCommand(leaf.subCommands[name]!);
      if (meta.hidden) continue;
      const aliases = aliasesOf(meta);
      rows.push([
        name,
        `${meta.description ?? ""}${aliases.length > 0 ? ` (alias: ${aliases.join(", ")})` : ""}`,
      ]);
    }
    parts.push(`Commands:\n${columns(rows)}`);
  }
  if (positionals.length > 0) {
    parts.push(
      `Arguments:\n${columns(positionals.map(([name, def]) => [def.valueHint ?? name, def.description ?? ""]))}`,
    );
  }
  const own = optionRows(leaf.args);
  if (own.length > 0) parts.push(`Flags:\n${columns(own)}`);
  const outer = chain.slice(0, -1).flatMap((command) => optionRows(command.args));
  outer.push(["-h, --help", "Show this page"]);
  parts.push(`Global flags:\n${columns(outer)}`);
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function optionRows(defs: ArgsDef): [string, string][] {
  return Object.entries(defs)
    .filter(([, def]) => def.type !== "positional")
    .map(([name, def]) => [optionLabel(name, def), optionText(def)]);
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

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join("\n");
}
