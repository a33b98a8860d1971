import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { defaultServerConfig } from "../../../src/config/defaults.ts";
import { Fault } from "../../../src/faults/fault.ts";
import { ResponseStatus } from "../../../src/gen/ctl/common_pb.ts";
import {
  FirmwareQueryReqSchema,
  FirmwareUpdateReq_DeviceType,
  FirmwareUpdateReqSchema,
} from "../../../src/gen/ctl/firmware_pb.ts";
import { NvmeAddDeviceReqSchema, NvmeRebindReqSchema } from "../../../src/gen/ctl/storage_pb.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import type { ControlDeps } from "../../../src/services/control/deps.ts";
import { firmwareQuery, firmwareUpdate } from "../../../src/services/control/firmware.ts";
import { nvmeAddDevice, nvmeRebind } from "../../../src/services/control/nvme-hotplug.ts";

interface FakeTier {
  tier: number;
  class: string;
  bdevList: string[];
}

function makeDeps(
  more: { started?: boolean; rank?: number; disableHugepages?: boolean; writeFails?: boolean } = {},
) {
  const tiers: FakeTier[] = [
    { tier: 1, class: "nvme", bdevList: ["0000:17:00.0"] },
    { tier: 2, class: "nvme", bdevList: [] },
  ];
  let written = 0;
  const instance = {
    isStarted: () => more.started ?? false,
    rank: () => more.rank,
    storage: {
      bdevTiers: tiers,
      async writeNvmeConf() {
        if (more.writeFails) throw new Error("ENOSPC");
        written += 1;
      },
    },
  };
  const deps = {
    config: { ...defaultServerConfig(), disableHugepages: more.disableHugepages ?? false },
    harness: { instances: [instance] },
    log: silentLogger,
  } as unknown as ControlDeps;
  return { deps, tiers, written: () => written };
}

const add = (more: object) =>
  create(NvmeAddDeviceReqSchema, { pciAddr: "0000:99:00.0", engineIndex: 0, storageTierIndex: -1, ...more });

async function codeOf(promise: Promise<unknown>): Promise<number | string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
  throw new Error("nothing was thrown");
}

describe("adding a drive to an engine", () => {
  test("puts it on the first tier and writes the engine's configuration", async () => {
    const { deps, tiers, written } = makeDeps();
    expect(await nvmeAddDevice(deps, add({}))).toEqual({});
    expect(tiers[0]!.bdevList).toEqual(["0000:17:00.0", "0000:99:00.0"]);
    expect(written()).toBe(1);
    await nvmeAddDevice(deps, add({}));
    expect(tiers[0]!.bdevList).toHaveLength(2);
  });
  test("or on the tier that is named", async () => {
    const { deps, tiers } = makeDeps();
    await nvmeAddDevice(deps, add({ storageTierIndex: 2 }));
    expect(tiers[1]!.bdevList).toEqual(["0000:99:00.0"]);
  });
  test("an engine or a tier that is not there is an error", async () => {
    const { deps } = makeDeps();
    expect(await codeOf(nvmeAddDevice(deps, add({ engineIndex: 3 })))).toContain(
      "engine with index 3 not found",
    );
    expect(await codeOf(nvmeAddDevice(deps, add({ storageTierIndex: 9 })))).toContain(
      "index 9 not found in config",
    );
  });
  test("a configuration that cannot be written is told in the answer", async () => {
    const { deps } = makeDeps({ writeFails: true });
    expect(await nvmeAddDevice(deps, add({}))).toMatchObject({
      state: { status: ResponseStatus.CTL_ERR_NVME, error: "write nvme config for engine 0: ENOSPC" },
    });
  });
  test("without huge pages is fault 619", async () => {
    expect(await codeOf(nvmeAddDevice(makeDeps({ disableHugepages: true }).deps, add({})))).toBe(619);
  });
});

test("rebinding a drive that is not there is told in the answer", async () => {
  const request = create(NvmeRebindReqSchema, { pciAddr: "0000:ff:1f.7" });
  const { state } = await nvmeRebind(makeDeps().deps, request);
  expect(state).toMatchObject({ status: ResponseStatus.CTL_ERR_NVME });
  expect(state?.error).toContain("nvme rebind: ");
});

describe("firmware", () => {
  const update = (more: object) =>
    create(FirmwareUpdateReqSchema, {
      firmwarePath: "/tmp/fw",
      type: FirmwareUpdateReq_DeviceType.NVMe,
      ...more,
    });
  test("is not updated under a running rank", async () => {
    expect(await codeOf(firmwareUpdate(makeDeps({ started: true, rank: 4 }).deps, update({})))).toBe(612);
    expect(await codeOf(firmwareUpdate(makeDeps({ started: true }).deps, update({})))).toContain(
      "unidentified",
    );
  });
  test("needs a file", async () => {
    expect(await codeOf(firmwareUpdate(makeDeps().deps, update({ firmwarePath: "" })))).toContain(
      "missing path",
    );
  });
  test("a query of nothing is empty", async () => {
    expect(await firmwareQuery(create(FirmwareQueryReqSchema))).toEqual({ scmResults: [], nvmeResults: [] });
  });
});
