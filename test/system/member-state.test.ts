import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mayBecome, memberStateText, parseMemberState } from "../../src/system/member-state.ts";
import { MemberState, type MemberStateName } from "../../src/system/types.ts";

const names = Object.keys(MemberState) as MemberStateName[];

describe("member states", () => {
  test("have the numbers of the 2.6 contract", () => {
    const table = readFileSync(join(import.meta.dirname, "../reference/codes-2.6.tsv"), "utf8");
    const rows = table.split("\n").flatMap((line) => {
      const [kind, number, name] = line.split("\t");
      return kind === "member_state" && name !== "Max" ? [[name, Number(number)]] : [];
    });
    expect(Object.fromEntries(rows)).toEqual(MemberState);
  });

  test("are read back as written; unknown words are Unknown", () => {
    for (const name of names) expect(parseMemberState(memberStateText(name))).toBe(name);
    expect(parseMemberState("AdminExcluded")).toBe("AdminExcluded");
    expect(parseMemberState("dancing")).toBe("Unknown");
  });

  test("an excluded member changes by no report, nor one whose state is unknown", () => {
    for (const to of names) {
      expect(mayBecome("AdminExcluded", to)).toBe(false);
      expect(mayBecome("Unknown", to)).toBe(false);
    }
  });

  test("no state becomes itself", () => {
    for (const name of names) expect(mayBecome(name, name)).toBe(false);
  });

  test.each<[MemberStateName, MemberStateName, boolean]>([
    ["AwaitFormat", "Excluded", false],
    ["Starting", "Excluded", false],
    ["Ready", "Excluded", false],
    ["Joined", "Ready", false],
    ["Joined", "Stopping", true],
    ["Joined", "Stopped", true],
    ["Joined", "Excluded", true],
    ["Joined", "Errored", true],
    ["Errored", "Joined", false],
    ["Errored", "Ready", false],
    ["Errored", "Stopping", false],
    ["Errored", "Stopped", true],
    ["Errored", "Excluded", true],
    ["Unresponsive", "Ready", false],
    ["Unresponsive", "Excluded", true],
    ["Stopped", "Ready", true],
    ["Stopped", "Excluded", true],
    ["Excluded", "Stopped", true],
    ["CheckerStarted", "Joined", false],
    ["CheckerStarted", "Ready", false],
    ["CheckerStarted", "Stopped", true],
  ])("%s -> %s is allowed: %p", (from, to, allowed) => {
    expect(mayBecome(from, to)).toBe(allowed);
  });
});
