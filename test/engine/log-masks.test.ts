import { expect, test } from "bun:test";
import { mergeLogMasks } from "../../src/engine/log-masks.ts";

/** Cases of 2.6 (engine/utils.go): masks, subsystems, result. */
test.each([
  ["", "mgmt", ""],
  ["ERR", "", "ERR"],
  ["debug", "", "DBUG"],
  ["DEBUG", "all", "DBUG"],
  ["bogus", "", "ERR"],
  ["DEBUG", "misc", "ERR,misc=DBUG"],
  ["DEBUG", "misc,mgmt", "ERR,misc=DBUG,mgmt=DBUG"],
  ["CRIT", "misc", "CRIT"],
  ["ERR,mgmt=DEBUG", "", "ERR,mgmt=DBUG"],
  ["ERR,mgmt=DEBUG", "pool", "ERR"],
  ["DEBUG,mgmt=INFO", "mgmt,pool", "ERR,mgmt=INFO,pool=DBUG"],
  ["INFO,mgmt=CRIT", "pool", "ERR,mgmt=CRIT,pool=INFO"],
  ["INFO,mgmt=ERR", "pool", "ERR,pool=INFO"],
])("%p with subsystems %p becomes %p", (masks, subsystems, merged) => {
  expect(mergeLogMasks(masks, subsystems)).toBe(merged);
});

test("an assignment with two levels is refused", () => {
  expect(() => mergeLogMasks("ERR,mgmt=DEBUG=INFO", "")).toThrow("illegal log level assignment");
});
