/** Every row of cli-2.6.tsv for dmg exists in our command definitions. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { ArgDef } from "citty";
import {
  aliasesOf,
  argAliases,
  findSubCommand,
  type ResolvedCommand,
  resolveCommand,
} from "../../src/cli/command.ts";
import { command as root } from "../../src/commands/dmg/index.ts";

interface Row {
  readonly command: string;
  readonly kind: string;
  readonly long: string;
  readonly short: string;
  readonly takesValue: boolean;
}

const table = path.resolve(import.meta.dirname, "../reference/cli-2.6.tsv");
const rows: Row[] = readFileSync(table, "utf8")
  .split("\n")
  .map((line) => line.split("\t"))
  .filter(([program]) => program === "dmg")
  .map(([, command = "", kind = "", long = "", short = "", value = ""]) => ({
    command,
    kind,
    long,
    short,
    takesValue: value === "value",
  }));

async function commandAt(words: string): Promise<ResolvedCommand> {
  let here = await resolveCommand(root);
  for (const word of words.split(" ").filter(Boolean)) {
    const found = await findSubCommand(here, word);
    if (found === undefined) throw new Error(`there is no command "${words}"`);
    here = found.resolved;
  }
  return here;
}

function option(command: ResolvedCommand, name: string): ArgDef {
  const def = command.args[name];
  if (def === undefined || def.type === "positional") throw new Error(`there is no flag "--${name}"`);
  return def;
}

describe("the 2.6 table of dmg", () => {
  test("has its rows", () => {
    expect(rows.length).toBeGreaterThan(240);
  });

  test.each(rows.filter(({ kind }) => kind === "command"))(
    "command $command ($short)",
    async ({ command, short }) => {
      const found = await commandAt(command);
      if (short !== "") {
        expect(aliasesOf(found.meta)).toContain(short);
        const aliased = command.replace(/\S+$/, short);
        expect((await commandAt(aliased)).meta.name).toBe(found.meta.name);
      }
      expect(found.meta.description).toBeTruthy();
    },
  );

  test.each(rows.filter(({ kind }) => kind === "flag" || kind === "global"))(
    "flag $command --$long -$short",
    async ({ command, long, short, takesValue }) => {
      const def = option(await commandAt(command), long);
      expect(def.type === "boolean").toBe(!takesValue);
      if (short !== "") expect(argAliases(def)).toContain(short);
    },
  );

  test.each(rows.filter(({ kind }) => kind === "positional"))(
    "positionals of $command: $long",
    async ({ command, long }) => {
      const found = await commandAt(command);
      const ours = Object.values(found.args).filter((def) => def.type === "positional");
      const variadic = long.endsWith(" ...");
      const wanted = variadic ? 1 : (long.match(/\]\s+\[/g)?.length ?? 0) + 1;
      expect(ours).toHaveLength(wanted);
      if (variadic && command.startsWith("check ")) expect(ours[0]!.valueHint).toEndWith("...");
    },
  );

  test("commands without positionals there have none here", async () => {
    const withPositionals = new Set(
      rows.filter(({ kind }) => kind === "positional").map(({ command }) => command),
    );
    for (const { command } of rows.filter(({ kind }) => kind === "command")) {
      if (withPositionals.has(command)) continue;
      const found = await commandAt(command);
      expect([command, Object.values(found.args).filter((def) => def.type === "positional").length]).toEqual([
        command,
        0,
      ]);
    }
  });

  test("every leaf can be run", async () => {
    const walk = async (command: ResolvedCommand, name: string): Promise<void> => {
      const children = Object.keys(command.subCommands);
      if (children.length === 0) expect([name, typeof command.command.run]).toEqual([name, "function"]);
      for (const child of children) {
        const found = await findSubCommand(command, child);
        await walk(found!.resolved, `${name} ${child}`);
      }
    };
    await walk(await resolveCommand(root), "dmg");
  });
});
