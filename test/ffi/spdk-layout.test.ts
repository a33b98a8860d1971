import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import * as layout from "../../src/ffi/spdk/layout.ts";
import type { SpdkRelease } from "../../src/ffi/spdk/releases.ts";
import { STANDIN_SOURCE } from "./spdk-support.ts";

const hasCompiler = Bun.which("gcc") !== null;

function runC(source: string, ...flags: string[]): string[] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-layout-"));
  try {
    const program = path.join(folder, "layout");
    const built = Bun.spawnSync(["gcc", "-w", ...flags, "-o", program, source]);
    if (built.exitCode !== 0) throw new Error(built.stderr.toString());
    return Bun.spawnSync([program]).stdout.toString().trim().split("\n");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

test("pages of the NVMe specification have its sizes", () => {
  expect(layout.identifyController.sizeBytes).toBe(4096);
  expect(layout.healthPage.sizeBytes).toBe(512);
  expect(layout.errorEntry.sizeBytes).toBe(64);
  expect(layout.firmwarePage.sizeBytes).toBe(512);
  expect(layout.intelAttribute.sizeBytes).toBe(12);
  expect(layout.intelTemperature.sizeBytes).toBe(112);
});

test("fields of the NVMe specification are at its bytes", () => {
  const { offsets: id } = layout.identifyController;
  expect([id.sn, id.mn, id.fr, id.mdts, id.ver, id.ctratt, id.oacs, id.elpe, id.wctemp]).toEqual([
    4, 24, 64, 77, 80, 96, 256, 262, 266,
  ]);
  expect([id.tnvmcap, id.maxcmd, id.nn, id.oncs, id.fna, id.subnqn]).toEqual([280, 514, 516, 520, 524, 768]);
  const { offsets: health } = layout.healthPage;
  expect([health.temperature, health.percentage_used, health.data_units_read, health.power_cycles]).toEqual([
    1, 5, 32, 112,
  ]);
  expect([health.media_errors, health.warning_temp_time, health.temp_sensor]).toEqual([160, 192, 200]);
});

describe.skipIf(!hasCompiler)("layouts of SPDK 22.01 are those of the compiler", () => {
  const lines = hasCompiler ? runC(STANDIN_SOURCE, "-DPRINT_LAYOUT") : [];
  const expected = (name: string, one: { sizeBytes: number; offsets: object }, members: string[]) =>
    members.map((member) => `struct ${name}.${member} ${(one.offsets as Record<string, number>)[member]}`);

  test("struct spdk_env_opts", () => {
    const opts = layout.ENV_OPTS["22.01"];
    expect(lines).toContain(`struct spdk_env_opts ${opts.sizeBytes}`);
    for (const line of expected("spdk_env_opts", opts, Object.keys(opts.offsets)))
      expect(lines).toContain(line);
  });
  test("struct spdk_pci_addr", () => {
    expect(lines).toContain(`struct spdk_pci_addr ${layout.pciAddr.sizeBytes}`);
    for (const line of expected("spdk_pci_addr", layout.pciAddr, ["domain", "bus", "dev", "func"]))
      expect(lines).toContain(line);
  });
  test("struct spdk_nvme_transport_id", () => {
    for (const line of expected("spdk_nvme_transport_id", layout.transportId, [
      "trstring",
      "trtype",
      "traddr",
    ]))
      expect(lines).toContain(line);
  });
  test("status of struct spdk_nvme_cpl", () => {
    expect(lines).toContain(`status ${layout.CPL_STATUS_OFFSET} of 16`);
  });
});

/**
 * Headers of SPDK where they are: SPDK_INCLUDE_DIR (with SPDK_RELEASE, "24.01", when they are not those of
 * 22.01), or /usr/include.
 */
const include = process.env["SPDK_INCLUDE_DIR"] ?? "/usr/include";
const release = (process.env["SPDK_RELEASE"] ?? "22.01") as SpdkRelease["envOpts"];
const hasHeaders = hasCompiler && fs.existsSync(path.join(include, "spdk/env.h"));

describe.skipIf(!hasHeaders)("layouts are those of SPDK's headers", () => {
  const structs: Readonly<Record<string, { sizeBytes: number; offsets: object; partial?: boolean }>> = {
    "struct spdk_env_opts": layout.ENV_OPTS[release],
    "struct spdk_pci_addr": layout.pciAddr,
    "struct spdk_nvme_transport_id": { ...layout.transportId, partial: true },
    "struct spdk_nvme_ctrlr_data": layout.identifyController,
    "struct spdk_nvme_health_information_page": layout.healthPage,
    "struct spdk_nvme_error_information_entry": layout.errorEntry,
    "struct spdk_nvme_firmware_page": layout.firmwarePage,
    "struct spdk_nvme_intel_smart_attribute": layout.intelAttribute,
    "struct spdk_nvme_intel_temperature_page": layout.intelTemperature,
  };
  const members = (one: { offsets: object }) =>
    Object.keys(one.offsets).filter((name) => !name.startsWith("_"));

  test("each of them", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-spdk-h-"));
    try {
      const source = path.join(folder, "layout.c");
      const prints = Object.entries(structs).flatMap(([name, one]) => [
        `printf("${name} %zu\\n", sizeof(${name}));`,
        ...members(one).map((member) => `printf("${name}.${member} %zu\\n", offsetof(${name}, ${member}));`),
      ]);
      fs.writeFileSync(
        source,
        `#include <stdio.h>\n#include <stddef.h>\n#include <spdk/stdinc.h>\n#include <spdk/env.h>\n#include <spdk/nvme.h>\n#include <spdk/nvme_intel.h>\nint main(void) {\n${prints.join("\n")}\nreturn 0;\n}\n`,
      );
      const lines = runC(source, `-I${include}`);
      for (const [name, one] of Object.entries(structs)) {
        if (!one.partial) expect(lines).toContain(`${name} ${one.sizeBytes}`);
        for (const member of members(one)) {
          expect(lines).toContain(`${name}.${member} ${(one.offsets as Record<string, number>)[member]}`);
        }
      }
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
