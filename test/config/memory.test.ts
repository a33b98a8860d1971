import { describe, expect, test } from "bun:test";
import { hugepagesNeeded, maximumRamdiskBytes } from "../../src/config/memory.ts";
import { isScmTier, type MemoryFacts, type ServerConfig } from "../../src/config/types.ts";
import { prepareServerConfig } from "../../src/config/validate.ts";
import { isFault } from "../../src/faults/fault.ts";
import { readServer } from "./support.ts";

const gib = 1024 ** 3;
const memory = (totalGib: number): MemoryFacts => ({
  memTotalKib: totalGib * 1024 * 1024,
  hugepageSizeKib: 2048,
});

/** Engines of 16 targets on ram tiers; `bdev` is the rest of each storage list. */
function config(
  engines: number,
  options: { top?: string; scmSize?: number; targets?: number; bdev?: string } = {},
): ServerConfig {
  const { top = "system_ram_reserved: 5\n", scmSize = 0, targets = 16, bdev = "" } = options;
  const list = Array.from(
    { length: engines },
    (_, i) =>
      `- {targets: ${targets}, fabric_iface: ib${i}, fabric_iface_port: 31316, storage: [{class: ram, scm_mount: /mnt/${i}, scm_size: ${scmSize}}${bdev.replaceAll("#", `${i}`)}]}\n`,
  );
  return readServer(`access_points: [a]\nprovider: ofi+tcp\n${top}engines:\n${list.join("")}`).config;
}

const nvme = ', {class: nvme, bdev_list: ["0000:8#:00.0"]}';
const sizes = (c: ServerConfig) => c.engines.map((e) => e.storage.find(isScmTier)?.scmSize);
const failure = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return isFault(error) ? error.code : error;
  }
  return undefined;
};

describe("hugepages", () => {
  test("none without block devices", () => expect(hugepagesNeeded(config(2), 2048)).toBe(0));
  test("1 GiB for each target with SSDs", () =>
    expect(hugepagesNeeded(config(1, { targets: 8, bdev: nvme }), 2048)).toBe(4096));
  test("the same for files", () => {
    const bdev = ", {class: file, bdev_list: [/tmp/a#], bdev_size: 16}";
    expect(hugepagesNeeded(config(1, { targets: 8, bdev }), 2048)).toBe(4096);
  });
  test("one more stream with metadata on SSD", () => {
    const bdev = ', {class: nvme, bdev_list: ["0000:8#:00.0"], bdev_roles: [wal, meta, data]}';
    expect(hugepagesNeeded(config(1, { targets: 8, bdev }), 2048)).toBe(4608);
  });
  test("are set by a start, unless the file sets them", () => {
    expect(
      prepareServerConfig(config(1, { targets: 8, bdev: nvme }), { memory: memory(80) }).nrHugepages,
    ).toBe(4096);
    const top = "nr_hugepages: 100\n";
    expect(
      prepareServerConfig(config(1, { targets: 8, bdev: nvme, top }), { memory: memory(80) }).nrHugepages,
    ).toBe(100);
  });
  test("disabled and needed is an error (726)", () => {
    const top = "disable_hugepages: true\n";
    expect(failure(() => prepareServerConfig(config(1, { bdev: nvme, top }), { memory: memory(80) }))).toBe(
      726,
    );
    expect(failure(() => prepareServerConfig(config(1, { top }), { memory: memory(80) }))).toBeUndefined();
  });
});

describe("the ram tier", () => {
  const hugepages = "system_ram_reserved: 5\nnr_hugepages: 16896\n"; // 33 GiB
  test("gets an equal share of what is left, in whole GiB", () => {
    // (60 - 33 hugepages - 5 system - 2 * 2 engine) / 2 = 9
    expect(sizes(prepareServerConfig(config(2, { top: hugepages }), { memory: memory(60) }))).toEqual([9, 9]);
    const top = hugepages.replace("5", "2");
    expect(sizes(prepareServerConfig(config(2, { top }), { memory: memory(60) }))).toEqual([10, 10]);
  });
  test("reserves at least 1 GiB for an engine of few targets", () => {
    expect(sizes(prepareServerConfig(config(1, { targets: 4 }), { memory: memory(80) }))).toEqual([74]);
  });
  test("keeps a configured size that fits", () => {
    expect(
      sizes(prepareServerConfig(config(2, { top: hugepages, scmSize: 6 }), { memory: memory(60) })),
    ).toEqual([6, 6]);
  });
  test("refuses one that does not (731)", () => {
    expect(
      failure(() => prepareServerConfig(config(2, { top: hugepages, scmSize: 11 }), { memory: memory(60) })),
    ).toBe(731);
  });
  test("refuses a host with less than 4 GiB an engine to spare (214), naming what it would take", () => {
    const tight = config(2, { top: hugepages });
    expect(failure(() => prepareServerConfig(tight, { memory: memory(46) }))).toBe(214);
    expect(() => prepareServerConfig(tight, { memory: memory(46) })).toThrow(
      /4\.0 GiB ram-disk size, want 50 GiB RAM but only have 46 GiB/,
    );
  });
  test("refuses a host with less than what is reserved", () => {
    expect(failure(() => prepareServerConfig(config(2, { top: hugepages }), { memory: memory(40) }))).toBe(
      701,
    );
  });
  test("is left alone when memory is not known", () =>
    expect(sizes(prepareServerConfig(config(1)))).toEqual([0]));
  test("has this maximum", () =>
    expect(maximumRamdiskBytes(config(1, { targets: 8 }), memory(80))).toBe(74 * gib));
});
