import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { Fault } from "../../src/faults/fault.ts";
import { askHelper } from "../../src/helper/ask.ts";
import type { HelperRequestInit } from "../../src/helper/protocol.ts";
import { selfCommand } from "../../src/helper/self.ts";
import { buildStandIn } from "../ffi/spdk-support.ts";

let libraries = "";
let drives = "";

const DRIVE_BYTES = 1 << 20;
const FIRST = "0000:17:00.0";
const SECOND = "0000:98:00.0";
const BEHIND_VMD = "5d0505:01:00.0";

function addDrive(address: string): string {
  const file = path.join(drives, address);
  fs.writeFileSync(file, Buffer.alloc(DRIVE_BYTES, 0xab));
  return file;
}

/** Runs the real helper on the stand-in libraries. */
function ask<T extends z.ZodType>(request: HelperRequestInit, shape: T, ...environment: string[]) {
  const settings = [`SPDK_LIB_DIR=${libraries}`, `STANDIN_DIR=${drives}`, ...environment];
  return askHelper(request, shape, {
    command: ["/usr/bin/env", ...settings, ...selfCommand(), "helper"],
    timeoutMs: 20_000,
  });
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const scanShape = z.object({
  controllers: z.array(z.record(z.string(), z.unknown())),
  missing: z.array(z.object({ address: z.string(), reason: z.string() })),
});
const formatShape = z.array(z.object({ address: z.string(), namespace: z.number(), error: z.string() }));

describe.skipIf(Bun.which("gcc") === null)("NVMe through SPDK, in the helper", () => {
  beforeAll(() => {
    libraries = buildStandIn();
  });
  beforeEach(() => {
    if (drives !== "") fs.rmSync(drives, { recursive: true });
    drives = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-drives-"));
  });
  afterAll(() => {
    fs.rmSync(libraries, { recursive: true, force: true });
    fs.rmSync(drives, { recursive: true, force: true });
  });

  test("a scan tells identity, place, namespaces and health, by address", async () => {
    addDrive(SECOND);
    addDrive(FIRST);
    const { controllers } = await ask({ op: "nvme-scan" }, scanShape);
    expect(controllers.map((one) => one["address"])).toEqual([FIRST, SECOND]);
    expect(controllers[0]).toMatchObject({
      socketId: 0,
      pciType: "pci",
      identity: { vendorId: 0x8086, model: "STAND-IN SSD", firmware: "VDV10170" },
      namespaces: [{ id: 1, sizeBytes: String(DRIVE_BYTES), sectorBytes: 512 }],
      health: { kelvin: 343, mediaErrors: "7", powerOnHours: "12345" },
      problems: ["temperature 70 °C is out of range"],
      errorLog: [{ count: "9", namespace: 1 }],
      firmwareSlots: { activeSlot: 1, nextSlot: 2 },
      intelSmart: { wearMin: 1, wearMax: 9, wearAverage: 5 },
    });
    expect(controllers[1]).toMatchObject({ socketId: 1 });
  });

  test("a scan of the allowed controllers says why others of them are missing", async () => {
    addDrive(FIRST);
    addDrive(SECOND);
    const gone = "0000:f0:00.0";
    const { controllers, missing } = await ask({ op: "nvme-scan", allow: [SECOND, gone] }, scanShape);
    expect(controllers.map((one) => one["address"])).toEqual([SECOND]);
    expect(missing).toEqual([{ address: gone, reason: `${gone} is not on the PCI bus` }]);
  });

  test("drives behind VMD are found by the address of the VMD or their own", async () => {
    addDrive(FIRST);
    addDrive(BEHIND_VMD);
    const off = await ask({ op: "nvme-scan" }, scanShape);
    expect(off.controllers.map((one) => one["address"])).toEqual([FIRST]);
    for (const allow of [["0000:5d:05.5"], [BEHIND_VMD]]) {
      const on = await ask({ op: "nvme-scan", vmd: true, allow }, scanShape);
      expect(on.controllers).toMatchObject([{ address: BEHIND_VMD, pciType: "vmd" }]);
      expect(on.missing).toEqual([]);
    }
  });

  test("one drive that fails does not hide the others", async () => {
    addDrive(FIRST);
    addDrive(SECOND);
    fs.writeFileSync(path.join(drives, `${FIRST}.status`), "0x006\n");
    const { controllers } = await ask({ op: "nvme-scan" }, scanShape);
    expect(controllers[0]).toMatchObject({ address: FIRST });
    expect(String(controllers[0]!["error"])).toContain("generic error 0x06 (internal error)");
    expect(controllers[1]).toMatchObject({ address: SECOND, health: { kelvin: 343 } });
  });

  test("a format wipes the first 4 KiB of each namespace and nothing more", async () => {
    const first = addDrive(FIRST);
    const other = addDrive(SECOND);
    expect(await ask({ op: "nvme-format", allow: [FIRST] }, formatShape)).toEqual([
      { address: FIRST, namespace: 1, error: "" },
    ]);
    const bytes = fs.readFileSync(first);
    expect(bytes.subarray(0, 4096).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(4096).every((byte) => byte === 0xab)).toBe(true);
    expect(fs.readFileSync(other)[0]).toBe(0xab);
  });

  test("a format says of each device how it went, and formats the rest", async () => {
    const [gone, second] = ["0000:f0:00.0", addDrive(SECOND)];
    addDrive(FIRST);
    fs.writeFileSync(path.join(drives, `${FIRST}.status`), "0x280\n");
    const results = await ask({ op: "nvme-format", allow: [FIRST, SECOND, gone] }, formatShape);
    expect(results.map((one) => [one.address, one.error === ""])).toEqual([
      [FIRST, false],
      [SECOND, true],
      [gone, false],
    ]);
    expect(results[0]!.error).toContain("media error 0x80 (write fault)");
    expect(results[2]!.error).toContain("not on the PCI bus");
    expect(fs.readFileSync(second)[0]).toBe(0);
    // Run again with the drive mended, everything is done.
    fs.rmSync(path.join(drives, `${FIRST}.status`));
    const again = await ask({ op: "nvme-format", allow: [FIRST, SECOND] }, formatShape);
    expect(again.every((one) => one.error === "")).toBe(true);
  });

  test("a firmware update reaches the drive; what it still needs is told", async () => {
    addDrive(FIRST);
    const image = path.join(drives, "image.bin");
    fs.writeFileSync(image, "firmware");
    const shape = z.object({ needs: z.string() });
    const update = (slot: number) =>
      ask({ op: "nvme-firmware-update", address: FIRST, path: image, slot }, shape);
    expect(await update(1)).toEqual({ needs: "" });
    expect(fs.readFileSync(path.join(drives, `${FIRST}.fw1-1`), "utf8")).toBe("firmware");
    expect(await update(2)).toEqual({ needs: "conventional reset" });
    expect((await faultOf(update(7))).reason).toContain("invalid firmware slot");
  });

  test("an image of odd length or an absent drive is a fault", async () => {
    const image = path.join(drives, "image.bin");
    fs.writeFileSync(image, "odd");
    const request = { op: "nvme-firmware-update", address: FIRST, path: image, slot: 0 } as const;
    expect((await faultOf(ask(request, z.unknown()))).description).toContain("no firmware image");
    fs.writeFileSync(image, "even");
    expect((await faultOf(ask(request, z.unknown()))).code).toBe(304);
  });

  test("LEDs are set and read behind VMD only", async () => {
    addDrive(BEHIND_VMD);
    addDrive(FIRST);
    const shape = z.object({ state: z.string() });
    expect(await ask({ op: "nvme-led", address: BEHIND_VMD, state: "identify" }, shape)).toEqual({
      state: "identify",
    });
    expect(await ask({ op: "nvme-led", address: BEHIND_VMD }, shape)).toEqual({ state: "off" });
    expect((await faultOf(ask({ op: "nvme-led", address: FIRST }, shape))).reason).toContain("ENODEV");
  });

  test("a library that crashes is a failed request, not a dead server", async () => {
    const fault = await faultOf(ask({ op: "nvme-scan" }, scanShape, "STANDIN_DO=segv"));
    expect(fault).toMatchObject({ domain: "helper", code: 5 });
    expect(fault.description).toContain("the helper died");
  });

  test("a library that hangs is ended at the time limit", async () => {
    const hanging = askHelper({ op: "nvme-scan" }, scanShape, {
      command: ["/usr/bin/env", `SPDK_LIB_DIR=${libraries}`, "STANDIN_DO=hang", ...selfCommand(), "helper"],
      timeoutMs: 1500,
    });
    expect((await faultOf(hanging)).description).toContain("no answer within 1500 ms");
  });

  test("what a library prints on stdout does not reach the answer", async () => {
    addDrive(FIRST);
    const { controllers } = await ask({ op: "nvme-scan" }, scanShape, "STANDIN_DO=garbage");
    expect(controllers).toHaveLength(1);
  });

  test("an environment that does not start is fault 803 with the reason", async () => {
    const fault = await faultOf(ask({ op: "nvme-scan" }, scanShape, "STANDIN_DO=no-env"));
    expect(fault).toMatchObject({ domain: "spdk", code: 803, reason: "EINVAL (-22)" });
  });

  test("a missing library is fault 1 saying what to install", async () => {
    fs.renameSync(path.join(libraries, "librte_eal.so.22"), path.join(libraries, "away"));
    try {
      const fault = await faultOf(ask({ op: "nvme-scan" }, scanShape));
      expect(fault).toMatchObject({ domain: "dependency", code: 1 });
      expect(fault.description).toContain("librte_eal.so.22");
      expect(fault.resolution).toContain("SPDK_LIB_DIR");
    } finally {
      fs.renameSync(path.join(libraries, "away"), path.join(libraries, "librte_eal.so.22"));
    }
  });

  test("libraries of an unknown release are fault 2 naming it", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-new-"));
    try {
      fs.writeFileSync(path.join(folder, "libspdk_nvme.so.99.0"), "");
      const fault = await faultOf(
        askHelper({ op: "nvme-scan" }, scanShape, {
          command: ["/usr/bin/env", `SPDK_LIB_DIR=${folder}`, ...selfCommand(), "helper"],
        }),
      );
      expect(fault).toMatchObject({ domain: "dependency", code: 2 });
      expect(fault.description).toContain("libspdk_nvme.so.99.0");
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
