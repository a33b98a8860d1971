import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import * as ipmctl from "../../src/ffi/ipmctl/layout.ts";
import * as fabric from "../../src/ffi/libfabric/layout.ts";

interface Checked {
  readonly c: string;
  readonly layout: { readonly sizeBytes: number; readonly offsets: Readonly<Record<string, number>> };
  /** Only a beginning of the C struct is laid out. */
  readonly partial?: boolean;
  /** Our name for a member that is nested in C. */
  readonly rename?: Readonly<Record<string, string>>;
}

const HEADERS: Readonly<Record<string, { header: string; structs: readonly Checked[] }>> = {
  ipmctl: {
    header: "nvm_management.h",
    structs: [
      { c: "struct device_discovery", layout: ipmctl.deviceDiscovery },
      { c: "struct device_status", layout: ipmctl.deviceStatus },
      { c: "struct device_fw_info", layout: ipmctl.deviceFwInfo },
      { c: "struct region", layout: ipmctl.region },
      { c: "struct config_goal_input", layout: ipmctl.configGoalInput },
      { c: "struct config_goal", layout: ipmctl.configGoal },
    ],
  },
  libfabric: {
    header: "rdma/fabric.h",
    structs: [
      { c: "struct fi_info", layout: fabric.fiInfo },
      { c: "struct fi_fabric_attr", layout: fabric.fiFabricAttr },
      { c: "struct fi_domain_attr", layout: fabric.fiDomainAttr, partial: true },
      {
        c: "struct fid_nic",
        layout: fabric.fidNic,
        rename: { fclass: "fid.fclass", context: "fid.context", ops: "fid.ops" },
      },
      { c: "struct fi_device_attr", layout: fabric.fiDeviceAttr },
      {
        c: "struct fi_bus_attr",
        layout: fabric.fiBusAttr,
        rename: {
          domain_id: "attr.pci.domain_id",
          bus_id: "attr.pci.bus_id",
          device_id: "attr.pci.device_id",
          function_id: "attr.pci.function_id",
        },
      },
    ],
  },
};

/** What the C compiler makes of a header: "struct x.member" -> offset, "struct x" -> size. */
function compileOffsets(header: string, structs: readonly Checked[]): Map<string, number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-layout-"));
  try {
    const lines = structs.flatMap(({ c, layout, rename }) => [
      `  printf("%s %zu\\n", "${c}", sizeof(${c}));`,
      ...Object.keys(layout.offsets).map(
        (name) => `  printf("%s %zu\\n", "${c}.${name}", offsetof(${c}, ${rename?.[name] ?? name}));`,
      ),
    ]);
    const source = `#include <stdio.h>\n#include <stddef.h>\n#include <${header}>\nint main(void) {\n${lines.join("\n")}\n  return 0;\n}\n`;
    const program = path.join(folder, "layout");
    fs.writeFileSync(`${program}.c`, source);
    const compiled = Bun.spawnSync(["gcc", "-w", "-o", program, `${program}.c`]);
    if (compiled.exitCode !== 0) throw new Error(compiled.stderr.toString());
    const output = Bun.spawnSync([program]).stdout.toString();
    return new Map(
      output
        .trim()
        .split("\n")
        .map((line) => {
          const cut = line.lastIndexOf(" ");
          return [line.slice(0, cut), Number(line.slice(cut + 1))];
        }),
    );
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

for (const [library, { header, structs }] of Object.entries(HEADERS)) {
  const usable = Bun.which("gcc") !== null && fs.existsSync(path.join("/usr/include", header));
  describe.skipIf(!usable)(`layouts of ${library} are those of ${header}`, () => {
    const offsets = usable ? compileOffsets(header, structs) : new Map<string, number>();
    for (const { c, layout, partial } of structs) {
      test(c, () => {
        for (const [name, offset] of Object.entries(layout.offsets)) {
          expect(offsets.get(`${c}.${name}`), `offset of ${name}`).toBe(offset);
        }
        if (partial) expect(offsets.get(c)).toBeGreaterThanOrEqual(layout.sizeBytes);
        else expect(offsets.get(c)).toBe(layout.sizeBytes);
      });
    }
  });
}
