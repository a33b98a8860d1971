import { describe, expect, test } from "bun:test";
import { Fault } from "../../src/faults/fault.ts";
import { selectDevices } from "../../src/storage/firmware.ts";

const drives = [
  { id: "0000:17:00.0", model: "SSD-A", revision: "1.0" },
  { id: "0000:18:00.0", model: "SSD-A", revision: "2.0" },
  { id: "0000:19:00.0", model: "SSD-B", revision: "1.0" },
];
const filter = (more: object = {}) => ({ devices: [], model: "", revision: "", ...more });
const absent = (id: string) => new Error(`no ${id}`);
const pick = (more: object, update = false) =>
  selectDevices("bdev", drives, filter(more), (one) => one, update ? absent : undefined).map((one) => one.id);

function codeOf(action: () => unknown): number | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof Fault ? error.code : undefined;
  }
  throw new Error("nothing was thrown");
}

describe("devices that a firmware request means", () => {
  test("all without a filter", () => expect(pick({})).toHaveLength(3));
  test("by model and revision, without case", () => {
    expect(pick({ model: "ssd-a" })).toEqual(["0000:17:00.0", "0000:18:00.0"]);
    expect(pick({ model: "SSD-A", revision: "2.0" })).toEqual(["0000:18:00.0"]);
  });
  test("by name, a query passing over those that are absent", () => {
    expect(pick({ devices: ["0000:19:00.0", "0000:ff:00.0"] })).toEqual(["0000:19:00.0"]);
  });
  test("an update of an absent one is refused", () => {
    expect(() => pick({ devices: ["0000:ff:00.0"] }, true)).toThrow("no 0000:ff:00.0");
  });
  test("one named twice is fault 305, for PMem 209", () => {
    const devices = ["0000:17:00.0", "0000:17:00.0"];
    expect(codeOf(() => pick({ devices }))).toBe(305);
    expect(codeOf(() => selectDevices("scm", drives, filter({ devices }), (one) => one, undefined))).toBe(
      209,
    );
  });
  test("an update that fits nothing is fault 306, for PMem 210", () => {
    expect(codeOf(() => pick({ model: "none" }, true))).toBe(306);
    const nothing = () => selectDevices("scm", drives, filter({ model: "none" }), (one) => one, absent);
    expect(codeOf(nothing)).toBe(210);
  });
  test("an update on a host without devices says so", () => {
    expect(() => selectDevices("bdev", [], filter(), () => drives[0]!, absent)).toThrow(
      "no NVMe device controllers",
    );
  });
});
