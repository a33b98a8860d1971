import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { NvmeControllerSchema } from "../../src/gen/ctl/smd_pb.ts";
import type { NvmeController } from "../../src/storage/nvme-host.ts";
import { controllerMessage, kernelControllerMessage } from "../../src/storage/nvme-message.ts";

const found: NvmeController = {
  address: "0000:17:00.0",
  socketId: 1,
  pciType: "pci",
  identity: {
    vendorId: 0x8086,
    serial: "S",
    model: "M",
    firmware: "F",
    nvmeVersion: "1.4.0",
    totalBytes: 5n,
  },
  namespaces: [{ id: 1, sizeBytes: 4096n, sectorBytes: 512 }],
  problems: [],
  health: {
    kelvin: 315,
    spareBelowThreshold: true,
    temperatureWarning: false,
    reliabilityDegraded: false,
    readOnly: true,
    volatileBackupFailed: false,
    persistentMemoryReadOnly: false,
    sparePercent: 5,
    spareThresholdPercent: 10,
    usedPercent: 1,
    unitsRead: 0n,
    unitsWritten: 0n,
    readCommands: 0n,
    writeCommands: 0n,
    busyMinutes: 4n,
    powerCycles: (1n << 64n) + 9n,
    powerOnHours: 12345n,
    unsafeShutdowns: 6n,
    mediaErrors: 7n,
    errorLogEntries: 8n,
    warningMinutes: 2,
    criticalMinutes: 3,
    sensorsKelvin: [],
  },
  errorLog: [],
  intelSmart: { wearMin: 1, wearMax: 9, wearAverage: 5, hostUnitsWritten: 77n },
};

describe("a controller on the wire", () => {
  test("has identity, namespaces and health in the fields of 2.6", () => {
    const message = create(NvmeControllerSchema, controllerMessage(found));
    expect(message).toMatchObject({
      model: "M",
      serial: "S",
      pciAddr: "0000:17:00.0",
      fwRev: "F",
      socketId: 1,
      vendorId: "0x8086",
      namespaces: [{ id: 1, size: 4096n }],
      healthStats: {
        temperature: 315,
        availSpareWarn: true,
        readOnlyWarn: true,
        tempWarn: false,
        warnTempTime: 2,
        critTempTime: 3,
        mediaErrs: 7n,
        errLogEntries: 8n,
        wearLevelingCntMin: 1,
        wearLevelingCntAvg: 5,
        hostBytesWritten: 77n,
      },
    });
    expect(toBinary(NvmeControllerSchema, message).length).toBeGreaterThan(50);
  });
  test("counters of 128 bits are cut to 64, as 2.6 does", () => {
    expect(controllerMessage(found).healthStats).toMatchObject({ powerCycles: 9n });
  });
  test("without a health page has no health", () => {
    expect(controllerMessage({ ...found, health: undefined }).healthStats).toBeUndefined();
  });
  test("that the kernel drives has what the kernel knows", () => {
    expect(
      kernelControllerMessage({
        pciAddress: "0000:01:00.0",
        model: "M",
        serial: "S",
        firmwareRevision: "F",
        numaNode: 0,
        vendorId: "0x144d",
        namespaces: [{ id: 1, sizeBytes: 5n }],
      }),
    ).toMatchObject({ pciAddr: "0000:01:00.0", vendorId: "0x144d", namespaces: [{ id: 1, size: 5n }] });
  });
});
