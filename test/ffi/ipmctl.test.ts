import { dlopen } from "bun:ffi";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Fault } from "../../src/faults/fault.ts";
import { openIpmctl } from "../../src/ffi/ipmctl/library.ts";
import { parseNamespaces, parseRegions } from "../../src/helper/ops/ndctl.ts";

const usable = Bun.which("gcc") !== null && fs.existsSync("/usr/include/nvm_management.h");
let folder = "";
const libc = dlopen("libc.so.6", {
  setenv: { args: ["cstring", "cstring", "i32"], returns: "i32" },
  unsetenv: { args: ["cstring"], returns: "i32" },
}).symbols;
const text = (value: string) => Buffer.from(`${value}\0`);

/** The stand-in is C: it sees the environment of the C library, not process.env. */
function set(name: string, value: string): void {
  libc.setenv(text(name), text(value), 1);
}

function faultOf(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe.skipIf(!usable)("PMem through libipmctl", () => {
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-ipmctl-"));
    const source = path.join(import.meta.dir, "ipmctl-standin.c");
    const built = Bun.spawnSync([
      "gcc",
      "-w",
      "-shared",
      "-fPIC",
      "-o",
      path.join(folder, "libipmctl.so.5"),
      source,
    ]);
    if (built.exitCode !== 0) throw new Error(built.stderr.toString());
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  afterEach(() => {
    for (const name of ["DIMMS", "REGIONS", "MAJOR", "GOALS", "VERSION"])
      libc.unsetenv(text(`STANDIN_${name}`));
  });

  test("modules with where they sit, health and security", () => {
    const modules = openIpmctl([folder]).modules();
    expect(modules).toHaveLength(4);
    expect(modules[1]).toEqual({
      uid: "8089-a2-1839-00000001",
      physicalId: 0x21,
      socketId: 0,
      controllerId: 1,
      channelId: 2,
      channelPosition: 1,
      capacityBytes: "540000000001",
      partNumber: "NMA1XXD512GPS",
      firmwareRevision: "01.02.00.5431",
      health: "Healthy",
      security: "Disabled",
    });
    expect(modules.map((one) => one.health)).toEqual(["Healthy", "Healthy", "Unknown", "Critical failure"]);
  });

  test("regions of every kind", () => {
    set("STANDIN_REGIONS", "3");
    expect(openIpmctl([folder]).regions()).toEqual([
      {
        isetId: String(0xdf287f48b8da2ccfn),
        type: "AppDirect",
        socketId: 0,
        capacityBytes: String(1n << 40n),
        freeBytes: String(1n << 40n),
        health: "Healthy",
        modules: 2,
      },
      expect.objectContaining({ socketId: 1, health: "Error", freeBytes: "0" }),
      expect.objectContaining({ socketId: 2, type: "AppDirectNotInterleaved" }),
    ] as never);
  });

  test("without modules nothing else is asked, so the unknown error of regions is never met", () => {
    set("STANDIN_DIMMS", "0");
    const ipmctl = openIpmctl([folder]);
    expect([ipmctl.modules(), ipmctl.regions(), ipmctl.goals()]).toEqual([[], [], []]);
    expect(faultOf(() => ipmctl.createGoal()).code).toBe(211);
  });

  test("a goal for all modules, or for those of one socket", () => {
    const goals = path.join(folder, "goals");
    set("STANDIN_GOALS", goals);
    const ipmctl = openIpmctl([folder]);
    ipmctl.createGoal(1);
    ipmctl.deleteGoal();
    expect(fs.readFileSync(goals, "utf8").trim().split("\n")).toEqual([
      "create type 1 volatile 0 labels 1.2 8089-a2-1839-00000002",
      "create type 1 volatile 0 labels 1.2 8089-a2-1839-00000003",
      ...[0, 1, 2, 3].map((n) => `delete 8089-a2-1839-0000000${n}`),
    ]);
    expect(ipmctl.goals()[3]).toEqual({
      uid: "8089-a2-1839-00000003",
      socketId: 1,
      appDirectBytes: "252",
      volatileBytes: "0",
      status: 2,
    });
  });

  test("no goal is no error", () => {
    expect(openIpmctl([folder]).goals()).toEqual([]);
  });

  test("a goal that is refused is a fault with the library's reason", () => {
    expect(faultOf(() => openIpmctl([folder]).createGoal()).reason).toContain("operation failed (3)");
  });

  test("firmware that is active and staged", () => {
    const ipmctl = openIpmctl([folder]);
    expect(ipmctl.firmware("8089-a2-1839-00000001")).toEqual({
      activeVersion: "01.02.00.5435",
      stagedVersion: "01.02.00.5446",
      imageMaxSizeBytes: 73 * 4096,
      updateStatus: "staged",
    });
    expect(ipmctl.firmware("8089-a2-1839-00000000").stagedVersion).toBe("");
  });

  test("a firmware update that needs a power cycle has succeeded", () => {
    openIpmctl([folder]).updateFirmware("8089-a2-1839-00000001", "/tmp/fw.bin", true);
    const fault = faultOf(() =>
      openIpmctl([folder]).updateFirmware("8089-a2-1839-00000001", "/tmp/fw", false),
    );
    expect(fault.reason).toContain("needs force");
  });

  test("another major version is fault 2", () => {
    set("STANDIN_MAJOR", "4");
    expect(faultOf(() => openIpmctl([folder])).code).toBe(2);
  });

  test("a version known to misreport regions is fault 2", () => {
    set("STANDIN_VERSION", "02.00.00.3814");
    expect(faultOf(() => openIpmctl([folder]))).toMatchObject({ domain: "scm", code: 2 });
  });

  test("no library is fault 1 with the package to install", () => {
    expect(faultOf(() => openIpmctl(["/nonexistent"]))).toMatchObject({ code: 1 });
  });
});

describe("what ndctl prints", () => {
  test("one namespace comes without brackets", () => {
    const json = `{"dev":"namespace1.0","mode":"fsdax","map":"dev","size":3183575302144,"uuid":"842fc847","raw_uuid":"x","sector_size":512,"blockdev":"pmem1","numa_node":1}`;
    expect(parseNamespaces(json)).toEqual([
      {
        name: "namespace1.0",
        uuid: "842fc847",
        blockDevice: "pmem1",
        sizeBytes: "3183575302144",
        numaNode: 1,
      },
    ]);
  });
  test("none is an empty text", () => expect(parseNamespaces("\n")).toEqual([]));
  test("set ids keep all digits and lose their sign", () => {
    const json = `[{"dev":"region1","size":1082331758592,"align":16777216,"available_size":1082331758592,"max_available_extent":1,"type":"pmem","numa_node":1,"iset_id":-2506113243053544244,"persistence_domain":"memory_controller"}]`;
    expect(parseRegions(json)[0]).toEqual({
      name: "region1",
      sizeBytes: "1082331758592",
      availableBytes: "1082331758592",
      numaNode: 1,
      isetId: String((1n << 64n) - 2506113243053544244n),
      type: "pmem",
      persistenceDomain: "memory_controller",
    });
  });
  test("regions with namespaces on them come in a wrapper", () => {
    const json = `{"regions":[{"dev":"region0","size":1073741824,"available_size":805306368,"type":"pmem","numa_node":0,"iset_id":52512752653219036,"namespaces":[{"dev":"namespace0.0","size":262144000}]}]}`;
    expect(parseRegions(json)).toMatchObject([
      { name: "region0", availableBytes: "805306368", isetId: "52512752653219036" },
    ]);
  });
  test("garbage is a fault", () => {
    expect(() => parseNamespaces("no json")).toThrow(Fault);
    expect(() => parseNamespaces(`{"size":1}`)).toThrow(Fault);
  });
});
