/** Every row of cli-2.6.tsv for daos_agent exists in our command definitions. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import { argAliases, findSubCommand, type ResolvedCommand, resolveCommand } from "../../src/cli/command.ts";
import { command as root } from "../../src/commands/agent/index.ts";

const table = path.resolve(import.meta.dirname, "../reference/cli-2.6.tsv");
const rows = readFileSync(table, "utf8")
  .split("\n")
  .map((line) => line.split("\t"))
  .filter(([program]) => program === "daos_agent")
  .map(([, command = "", kind = "", long = "", short = "", value = ""]) => {
    return { command, kind, long, short, takesValue: value === "value" };
  });

async function commandAt(words: string): Promise<ResolvedCommand> {
  let here = await resolveCommand(root);
  for (const word of words.split(" ").filter(Boolean)) {
    const found = await findSubCommand(here, word);
    if (found === undefined) throw new Error(`there is no command "${words}"`);
    here = found.resolved;
  }
  return here;
}

describe("the 2.6 table of daos_agent", () => {
  test("has its rows", () => {
    expect(rows.length).toBe(26);
  });

  test.each(rows.filter(({ kind }) => kind === "command"))("command $command", async ({ command }) => {
    const found = await commandAt(command);
    expect(found.meta.description).toBeTruthy();
    const leaf = Object.keys(found.subCommands).length === 0;
    expect(typeof found.command.run === "function").toBe(leaf);
    expect(Object.values(found.args).filter((def) => def.type === "positional")).toEqual([]);
  });

  test.each(rows.filter(({ kind }) => kind === "flag" || kind === "global"))(
    "flag $command --$long -$short",
    async ({ command, long, short, takesValue }) => {
      const def = (await commandAt(command)).args[long];
      if (def === undefined || def.type === "positional") throw new Error(`there is no flag "--${long}"`);
      expect(def.type === "boolean").toBe(!takesValue);
      if (short !== "") expect(argAliases(def)).toContain(short);
    },
  );
});
