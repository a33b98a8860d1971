import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { findGroupName, findUser, groupsOfUser } from "../../src/ffi/users.ts";

const rows = (file: string) =>
  fs
    .readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));

describe("names of users and groups", () => {
  test("are those of /etc/passwd", () => {
    for (const [name, , uid, gid] of rows("/etc/passwd")) {
      // The first line of a number is its name.
      const first = rows("/etc/passwd").find((row) => row[2] === uid);
      if (first?.[0] === name) expect(findUser(Number(uid))).toEqual({ name: name!, gid: Number(gid) });
    }
  });

  test("are those of /etc/group", () => {
    for (const [name, , gid] of rows("/etc/group")) {
      const first = rows("/etc/group").find((row) => row[2] === gid);
      if (first?.[0] === name) expect(findGroupName(Number(gid))).toBe(name!);
    }
  });

  test("are undefined for numbers nobody has", () => {
    expect(findUser(3_999_999_999)).toBeUndefined();
    expect(findGroupName(3_999_999_999)).toBeUndefined();
  });

  test("of all groups of a user include its own, given first", () => {
    const root = findUser(0)!;
    expect(groupsOfUser(root.name, root.gid)[0]).toBe(root.gid);
    expect(groupsOfUser("nobody-of-this-name", 4321)).toEqual([4321]);
  });
});
