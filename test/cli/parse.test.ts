import { describe, expect, test } from "bun:test";
import { defineCommand } from "citty";
import fc from "fast-check";
import { resolveCommand } from "../../src/cli/command.ts";
import { renderHelp } from "../../src/cli/help.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { closest, editDistance } from "../../src/cli/suggest.ts";
import { UsageError } from "../../src/cli/usage-error.ts";

const create = defineCommand({
  meta: { name: "create", description: "Create a pool" },
  args: {
    size: { type: "string", alias: "z", description: "Total size" },
    force: { type: "boolean", alias: "f" },
    recursive: { type: "boolean", alias: "r" },
    mode: { type: "enum", options: ["fast", "safe"], default: "safe" },
    label: { type: "positional", required: false },
  },
  run() {},
});
const list = defineCommand({
  meta: { name: "list", alias: "ls" },
  args: { verbose: { type: "boolean", alias: "v" } },
  run() {},
});
const start = defineCommand({
  meta: { name: "start" },
  args: { pools: { type: "positional", required: false, valueHint: "pool..." } },
  run() {},
});
const cat = defineCommand({ meta: { name: "cat" }, args: { file: { type: "positional" } }, run() {} });
const pool = defineCommand({
  meta: { name: "pool" },
  subCommands: { create: () => create, list: () => list, cat: () => cat, start },
});
const root = defineCommand({
  args: { json: { type: "boolean", alias: "j" }, "config-path": { type: "string", alias: "o" } },
  subCommands: { pool: () => Promise.resolve(pool) },
});
const parse = async (...argv: string[]) => parseCommandLine(await resolveCommand(root), argv);
const refusal = async (...argv: string[]) => {
  try {
    await parse(...argv);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("was accepted");
};

describe("a command line", () => {
  for (const argv of [
    ["pool", "create", "--size=1G", "tank"],
    ["pool", "create", "--size", "1G", "tank"],
    ["pool", "create", "tank", "-z", "1G"],
    ["pool", "create", "-z1G", "tank"],
    ["pool", "create", "-z=1G", "--", "tank"],
  ]) {
    test(`gives a value in the form ${argv.join(" ")}`, async () => {
      const { args, path } = await parse(...argv);
      expect(path).toEqual(["pool", "create"]);
      expect(args["size"]).toBe("1G");
      expect(args["label"]).toBe("tank");
    });
  }

  test("joins short flags and takes global ones anywhere", async () => {
    const { args } = await parse("pool", "-j", "create", "-frz", "2G", "-o", "/etc/x.yml");
    expect(args).toMatchObject({
      json: true,
      force: true,
      recursive: true,
      size: "2G",
      "config-path": "/etc/x.yml",
    });
  });

  test("takes everything after -- as it is", async () => {
    const { args } = await parse("pool", "cat", "--", "--json");
    expect(args["file"]).toBe("--json");
    expect(args["json"]).toBeUndefined();
  });

  test("knows a command by its alias", async () => {
    expect((await parse("pool", "ls", "-v")).path).toEqual(["pool", "list"]);
  });

  test("takes many arguments where the last is declared so", async () => {
    expect((await parse("pool", "start", "a", "b", "c")).args._).toEqual(["a", "b", "c"]);
  });

  test("fills in defaults", async () => {
    expect((await parse("pool", "create")).args["mode"]).toBe("safe");
  });

  test("asks for help at any depth without checking the rest", async () => {
    const { helpWanted, path } = await parse("pool", "cat", "--help");
    expect(helpWanted).toBe(true);
    expect(path).toEqual(["pool", "cat"]);
  });

  test("is refused for an unknown flag, with the likely one named", async () => {
    expect(await refusal("pool", "create", "--sise=1G")).toBe(
      'unknown flag "--sise"; did you mean "--size"?',
    );
    expect(await refusal("pool", "create", "-q")).toBe('unknown flag "-q"');
  });

  test("is refused for an unknown command, with the likely one named", async () => {
    expect(await refusal("pool", "craete")).toBe(
      'unknown command "craete" of "pool"; did you mean "create"?',
    );
    expect(await refusal("poool")).toBe('unknown command "poool"; did you mean "pool"?');
  });

  test("is refused for surplus, missing and unwanted arguments", async () => {
    expect(await refusal("pool", "create", "a", "b")).toBe("unexpected commandline arguments: b");
    expect(await refusal("pool", "cat")).toBe("the argument <file> is missing");
    expect(await refusal("pool", "create", "--size")).toBe('flag "--size" needs a value');
    expect(await refusal("pool", "create", "--size", "--force")).toBe('flag "--size" needs a value');
    expect(await refusal("pool", "create", "--force=maybe")).toBe(
      'flag "--force" takes no value, but got "maybe"',
    );
    expect(await refusal("pool", "create", "--mode=fats")).toContain('did you mean "fast"?');
    expect(await refusal("pool")).toContain("please name one of the commands");
  });

  test("never crashes, whatever the words", async () => {
    const word = fc.oneof(
      fc.constantFrom(
        "pool",
        "create",
        "cat",
        "--size",
        "-z",
        "--",
        "-",
        "--=",
        "-fz",
        "--json",
        "--mode=",
        "start",
      ),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
        try {
          const parsed = await parse(...argv);
          expect(parsed.chain.length).toBe(parsed.path.length + 1);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});

test("a help page names commands with aliases, flags with defaults, and arguments", async () => {
  const { path, chain } = await parse("pool", "create", "-h");
  const page = await renderHelp("dmg", path, chain);
  expect(page).toContain("dmg pool create [flags] [label]");
  expect(page).toContain("-z, --size=SIZE");
  expect(page).toContain("(one of fast, safe) (default safe)");
  expect(page).toContain("-j, --json");
  const outer = await parse("pool", "--help");
  expect(await renderHelp("dmg", outer.path, outer.chain)).toContain("(alias: ls)");
});

describe("the nearest word", () => {
  test("is none when nothing is near", () => {
    expect(closest("zebra", ["create", "list"])).toBeUndefined();
    expect(closest("lits", ["create", "list"])).toBe("list");
  });

  test("has a distance that is symmetric and zero only for the same word", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
