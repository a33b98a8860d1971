import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { poolProperties, renamedProperty } from "../../src/client/pool-properties.ts";
import { parsePoolKeys, parsePoolSettings } from "../../src/commands/dmg/pool-properties.ts";

function property(name: string) {
  return poolProperties.get(name)!;
}

describe("a pool property", () => {
  test("has the number that engines know it by", () => {
    const numbers = Object.fromEntries([...poolProperties].map(([name, { number }]) => [name, number]));
    expect(numbers).toEqual({
      label: 1,
      space_rb: 3,
      self_heal: 4,
      reclaim: 5,
      svc_list: 8,
      ec_cell_sz: 9,
      data_thresh: 10,
      rd_fac: 11,
      ec_pda: 12,
      rp_pda: 13,
      global_version: 14,
      upgrade_status: 15,
      scrub: 16,
      scrub_freq: 17,
      scrub_thresh: 18,
      svc_rf: 19,
      perf_domain: 21,
      checkpoint: 22,
      checkpoint_freq: 23,
      checkpoint_thresh: 24,
      reintegration: 25,
      svc_ops_enabled: 26,
      svc_ops_entry_age: 27,
    });
  });

  test("stands in the order of names", () => {
    expect([...poolProperties.keys()]).toEqual([...poolProperties.keys()].sort());
  });

  test.each([
    ["reclaim", "Lazy", 1n, "lazy"],
    ["self_heal", "rebuild,exclude", 3n, "exclude,rebuild"],
    ["self_heal", "exclude,delay_rebuild", 5n, "exclude,delay_rebuild"],
    ["space_rb", "5%", 5n, "5%"],
    ["ec_cell_sz", "64KiB", 65536n, "64 KiB"],
    ["data_thresh", "8K", 8000n, "7.8 KiB"],
    ["rd_fac", "4", 4n, "4"],
    ["ec_pda", "1", 1n, "1"],
    ["rp_pda", "4294967295", 4294967295n, "4294967295"],
    ["scrub", "timed", 2n, "timed"],
    ["scrub_freq", "604800", 604800n, "604800"],
    ["perf_domain", "group", 3n, "group"],
    ["perf_domain", "root", 255n, "root"],
    ["svc_ops_entry_age", "60", 60n, "60"],
    ["checkpoint", "disabled", 0n, "disabled"],
    ["reintegration", "no_data_sync", 1n, "no_data_sync"],
    ["label", "tank", "tank", "tank"],
  ])("%s takes %p", (name, text, value, shown) => {
    expect(property(name).parse(text)).toBe(value);
    expect(property(name).format(value)).toBe(shown);
  });

  test.each([
    ["reclaim", "snapshot", 'invalid value "snapshot" for reclaim (valid: disabled,lazy,time)'],
    ["space_rb", "101", "invalid space_rb value 101 (valid values: 0-100)"],
    ["ec_cell_sz", "100", 'invalid EC Cell size "100"'],
    ["ec_cell_sz", "2MiB", 'invalid EC Cell size "2MiB"'],
    ["ec_cell_sz", "65537", 'invalid EC Cell size "65537"'],
    ["rd_fac", "5", "invalid redun fac value 5 (valid values: 0-4)"],
    ["rd_fac", "-1", "invalid redun fac value -1 (valid values: 0-4)"],
    ["ec_pda", "0", 'invalid ec_pda value "0"'],
    ["rp_pda", "x", 'invalid rp_pda value "x"'],
    ["svc_rf", "9", "invalid service redundancy factor value 9 (valid values: 0-4)"],
    ["svc_ops_enabled", "2", "invalid svc_ops_enabled value 2 (valid values: 0-1)"],
    ["svc_ops_entry_age", "59", "invalid svc_ops_entry_age 59 (valid values: 60-600)"],
    ["svc_list", "0", "cannot set pool service replica list"],
    ["label", "a b", 'invalid label "a b"'],
    ["label", "12345678-1234-1234-1234-123456789abc", "invalid label"],
    ["global_version", "4294967296", "invalid global version"],
  ])("%s refuses %p", (name, text, problem) => {
    expect(() => property(name).parse(text)).toThrow(problem);
  });

  test("of ranks is a list in a document", () => {
    expect(property("svc_list").toJson("0-2,5")).toEqual([0, 1, 2, 5]);
  });

  test("that an engine sets to something new is still shown", () => {
    expect(property("reclaim").format(77n)).toBe("77");
    expect(property("self_heal").format(64n)).toBe("unknown");
  });

  test("complains under the name it was given", () => {
    const renamed = renamedProperty(property("scrub"), "pool_scrub_mode");
    expect(() => renamed.parse("x")).toThrow('invalid value "x" for pool_scrub_mode (valid: lazy,off,timed)');
  });

  test("says its words as it reads them", () => {
    for (const definition of poolProperties.values()) {
      for (const choice of definition.choices) {
        const value = definition.parse(choice);
        expect(definition.parse(definition.format(value))).toBe(value);
      }
    }
  });

  test("never fails otherwise than with an Error", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...poolProperties.values()),
        fc.string({ maxLength: 24 }),
        (definition, text) => {
          try {
            definition.parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
    );
  });
});

describe("a list of pool properties", () => {
  test("is read in the order of names, old names included", () => {
    expect(parsePoolSettings("scrub:lazy,rf:1,label:tank").map(({ name }) => name)).toEqual([
      "label",
      "rd_fac",
      "scrub",
    ]);
  });

  test("takes a value with a comma in quotes", () => {
    expect(parsePoolSettings('self_heal:"exclude,rebuild"')[0]!.value).toBe(3n);
  });

  test("says what was meant by a name that is none", () => {
    expect(() => parsePoolSettings("reclame:lazy")).toThrow('did you mean "reclaim"?');
    expect(() => parsePoolKeys("labl")).toThrow('"labl" is not a gettable property (valid: checkpoint,');
  });

  test("names all of them when none is named", () => {
    expect(parsePoolKeys(undefined)).toHaveLength(23);
    expect(parsePoolKeys("rf,label,label")).toEqual(["label", "rd_fac"]);
  });
});
