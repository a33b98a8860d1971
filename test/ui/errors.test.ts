import { describe, expect, test } from "bun:test";
import { wrapError } from "../../src/faults/cause.ts";
import { daosStatusError } from "../../src/faults/daos-status.ts";
import { Fault } from "../../src/faults/fault.ts";
import { errorLines, shortErrorText } from "../../src/ui/errors.ts";

describe("an error on a terminal", () => {
  const fault = new Fault("client", 509, "storage format invoked on a running system", "stop it");

  test("is one line, and a second with what to do", () => {
    expect(errorLines("dmg", fault)).toEqual([
      'ERROR: dmg: client: code = 509 description = "storage format invoked on a running system"',
      'ERROR: dmg: client: code = 509 resolution = "stop it"',
    ]);
  });

  test("keeps its resolution when it is told in context", () => {
    expect(errorLines("dmg", wrapError("system stop failed", fault))).toEqual([
      'ERROR: dmg: system stop failed: client: code = 509 description = "storage format invoked on a running system"',
      'ERROR: dmg: client: code = 509 resolution = "stop it"',
    ]);
  });

  test("explains a DAOS status", () => {
    const [first, second] = errorLines("dmg", daosStatusError(-1007));
    expect(first).toBe("ERROR: dmg: DER_NOSPACE(-1007): No space on storage target");
    expect(second).toContain("storage query usage");
  });

  test("names no program where there is none", () => {
    expect(errorLines("", new Error("x"))).toEqual(["ERROR: x"]);
  });

  test("is a fault's description alone in a table", () => {
    expect(shortErrorText(wrapError("a", fault))).toBe("storage format invoked on a running system");
    expect(shortErrorText(new Error("x"))).toBe("x");
  });
});
