/** Help, manual pages and docs: all from the definitions of the commands. */
import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { commandPages } from "../../scripts/docs.ts";
import { resolveCommand } from "../../src/cli/command.ts";
import { findCommand } from "../../src/cli/find.ts";
import { renderHelp } from "../../src/cli/help.ts";
import { renderManPage } from "../../src/cli/man.ts";
import { programs, programTree } from "../../src/cli/programs.ts";
import { rootHelp } from "../../src/cli/root-help.ts";
import { runProgram } from "../../src/cli/run.ts";

const root = path.resolve(import.meta.dirname, "../..");

async function output(program: string, ...argv: string[]): Promise<{ text: string; status: number }> {
  const { log, error } = console;
  const lines: string[] = [];
  console.log = console.error = (...words: unknown[]) => void lines.push(words.join(" "));
  try {
    return { status: await runProgram(program, argv), text: lines.join("\n") };
  } finally {
    console.log = log;
    console.error = error;
  }
}

describe("daosctl's own page", () => {
  test("names every program and what it is for", () => {
    const page = rootHelp();
    for (const [name, { summary }] of Object.entries(programs)) {
      expect(page).toMatch(new RegExp(`^ {2}${name} +${RegExp.escape(summary)}`, "m"));
    }
    expect(page).toMatch(/^ {2}server +.* \(also as: daos_server\)$/m);
  });
});

describe("daosctl help", () => {
  test("of a command is what the command says with --help", async () => {
    const asked = await output("daosctl", "help", "dmg", "pool", "create");
    const flagged = await output("daosctl", "dmg", "pool", "create", "--help");
    expect(asked).toEqual(flagged);
    expect(asked.text).toContain("daosctl dmg pool create [flags]");
  });

  test("understands aliases, and names what was meant", async () => {
    expect((await output("daosctl", "help", "dmg", "sys", "query")).text).toContain("dmg system query");
    const { text, status } = await output("daosctl", "help", "dmg", "systen");
    expect(text).toContain('unknown command "systen" of "dmg"; did you mean "system"?');
    expect(status).toBe(1);
  });

  test("--man writes a manual page", async () => {
    const { text } = await output("daosctl", "help", "--man", "dmg", "pool");
    expect(text).toStartWith('.TH "DAOSCTL\\-DMG\\-POOL" 8');
    expect(text).toContain('.SS "daosctl dmg pool create"');
  });
});

describe("dmg manpage", () => {
  test("writes the page of all of dmg, and is not in the help itself", async () => {
    const { text, status } = await output("dmg", "manpage");
    expect(status).toBe(0);
    expect(text).toStartWith('.TH "DMG" 8');
    expect(text).toContain('.SS "dmg system leader\\-query"');
    expect(text).not.toContain("dmg manpage");
    expect((await output("dmg", "--help")).text).not.toContain("manpage");
  });
});

describe("a manual page", () => {
  test("shows what looks like a request or an escape as it is", async () => {
    const odd = await resolveCommand({
      meta: { name: "odd", description: `.so "\\fB" 'quoted'\n.TH again` },
      args: { file: { type: "string", description: "'.\\n' ends it", valueHint: 'a"b' } },
    });
    const page = await renderManPage("odd", [], [odd]);
    expect(page).not.toMatch(/^\.(so|TH again)/m);
    if (Bun.which("man") === null) return;
    const shown = Bun.spawnSync(["man", "-l", "-"], {
      stdin: Buffer.from(page),
      env: { ...process.env, MANWIDTH: "200", LC_ALL: "C" },
    });
    expect(shown.stdout.toString()).toContain(".so \"\\fB\" 'quoted'");
    expect(shown.stdout.toString()).toContain("'.\\n' ends it");
  });

  test.skipIf(Bun.which("groff") === null)("of every program is one without a warning", async () => {
    for (const name of Object.keys(programs)) {
      const { path: words, chain } = await findCommand(await resolveCommand(await programTree("daosctl")), [
        name,
      ]);
      const page = await renderManPage(`daosctl ${words[0]}`, [], chain.slice(1));
      const run = Bun.spawnSync(["groff", "-man", "-ww", "-Tascii", "-z"], {
        stdin: Buffer.from(page),
        stderr: "pipe",
      });
      expect([name, run.stderr.toString()]).toEqual([name, ""]);
    }
  });
});

test("a help page lists commands, arguments, flags and global flags", async () => {
  const { path: words, chain } = await findCommand(await resolveCommand(await programTree("dmg")), [
    "pool",
    "query",
  ]);
  const page = await renderHelp("dmg", words, chain);
  expect(page).toContain("Usage:\n  dmg pool query [flags] <pool label or UUID>\n");
  expect(page).toMatch(/^ {2}-t, --health-only +Only perform/m);
  expect(page).toMatch(/^ {2}-o, --config-path=PATH +Control configuration/m);
});

describe("docs/commands", () => {
  const folder = path.join(root, "docs/commands");

  test("stand as the definitions say (npm run docs writes them)", async () => {
    const pages = await commandPages();
    expect(fs.readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
    for (const [file, text] of pages) {
      expect([file, fs.readFileSync(path.join(folder, file), "utf8") === text]).toEqual([file, true]);
    }
  });
});
