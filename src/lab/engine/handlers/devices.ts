import { MgmtMethod } from "../../../drpc/methods.ts";
import type { DrpcHandler } from "../../../drpc/types.ts";
import {
  BioHealthReqSchema,
  BioHealthRespSchema,
  DevManageRespSchema,
  DevReplaceReqSchema,
  LedAction,
  LedManageReqSchema,
  LedState,
  NvmeDevState,
  SetFaultyReqSchema,
  SmdDevReqSchema,
  SmdDevRespSchema,
  SmdPoolReqSchema,
  SmdPoolRespSchema,
} from "../../../gen/ctl/smd_pb.ts";
import { Der, DerError } from "../der.ts";
import { clusterBytes, type Device, type Led } from "../devices.ts";
import type { Engine } from "../engine.ts";
import { answering, parseUuid } from "./body.ts";

const states = {
  NORMAL: NvmeDevState.NORMAL,
  NEW: NvmeDevState.NEW,
  FAULTY: NvmeDevState.EVICTED,
} as const;

const leds: Readonly<Record<Led, LedState>> = {
  OFF: LedState.OFF,
  ON: LedState.ON,
  QUICK_BLINK: LedState.QUICK_BLINK,
  SLOW_BLINK: LedState.SLOW_BLINK,
};

function ledOf(state: LedState): Led {
  return (Object.keys(leds) as Led[]).find((led) => leds[led] === state) ?? "OFF";
}

/** Write-ahead log of a metadata blob: twice its size up to 1 GiB, as 2.6 sizes it by default. */
function walBytes(metaBytes: bigint): bigint {
  const most = 1n << 30n;
  if (metaBytes === 0n) return 0n;
  return metaBytes * 2n < most ? metaBytes * 2n : most;
}

/** Storage devices: lists, health, faults, replacement, LEDs. */
export function deviceHandlers(engine: Engine): Record<number, DrpcHandler> {
  const { log, devices } = engine;
  const startedAt = Date.now();
  const controller = (device: Device) => ({
    pciAddr: device.address,
    model: device.address === "" ? "" : "Emulated NVMe",
    serial: device.address === "" ? "" : device.uuid.slice(0, 8).toUpperCase(),
    fwRev: device.address === "" ? "" : "LAB1",
    vendorId: device.address === "" ? "" : "8086",
    pciDevType: device.address === "" ? "" : devices.vmd ? "vmd" : "pci",
    namespaces: device.address === "" ? [] : [{ id: 1, size: device.totalBytes }],
    devState: states[device.state],
    ledState: devices.vmd && device.address !== "" ? leds[device.led] : LedState.NA,
  });
  const usedBytes = (device: Device): bigint => {
    if (device.targets.length === 0) return 0n;
    // Blobs are whole clusters, one for each target of each pool.
    return engine.shards.list().reduce((sum, shard) => {
      const perTarget = shard.nvmeBytes / BigInt(engine.args.targets);
      const clusters = (perTarget + clusterBytes - 1n) / clusterBytes;
      return sum + clusters * clusterBytes * BigInt(device.targets.length);
    }, 0n);
  };

  /** Tells the services of all pools with data on these targets. */
  const changePools = async (kind: "EXCLUDE" | "REINTEGRATE", indices: readonly number[]) => {
    const rank = engine.membership.self();
    if (rank === undefined) return;
    for (const shard of engine.shards.list()) {
      if (shard.nvmeBytes === 0n || indices.length === 0) continue;
      try {
        const replicas = await engine.upcalls.poolReplicas(shard.uuid);
        const request = { op: "change-targets" as const, kind, rank, indices: [...indices] };
        await engine.services.call(shard.uuid, replicas, request);
      } catch (error) {
        log.error(`pool ${shard.uuid}: ${kind} targets ${indices}: ${(error as Error).message}`);
      }
    }
  };

  return {
    [MgmtMethod.SMD_LIST_DEVS]: answering(log, SmdDevReqSchema, SmdDevRespSchema, () => ({
      devices: devices.list().map((device) => ({
        uuid: device.uuid,
        tgtIds: [...device.targets],
        roleBits: device.roles,
        ctrlr: controller(device),
        ctrlrNamespaceId: device.address === "" ? 0 : 1,
      })),
    })),

    [MgmtMethod.SMD_LIST_POOLS]: answering(log, SmdPoolReqSchema, SmdPoolRespSchema, () => ({
      pools: engine.shards
        .list()
        .filter((shard) => shard.nvmeBytes > 0n)
        .map((shard) => {
          const tgtIds = Array.from({ length: shard.targets }, (_, i) => i);
          const base = BigInt(`0x${shard.uuid.slice(0, 8)}`) << 8n;
          return { uuid: shard.uuid, tgtIds, blobs: tgtIds.map((i) => base + BigInt(i)) };
        }),
    })),

    [MgmtMethod.BIO_HEALTH_QUERY]: answering(log, BioHealthReqSchema, BioHealthRespSchema, (request) => {
      if (request.devUuid === "") throw new DerError(Der.INVAL, "no device given");
      const device = devices.get(parseUuid(request.devUuid, "device"));
      if (device.targets.length === 0) throw new DerError(Der.NONEXIST, "no target uses the device");
      const used = usedBytes(device);
      return {
        devUuid: device.uuid,
        timestamp: BigInt(Math.floor(Date.now() / 1000)),
        // Kelvin, as NVMe counts.
        temperature: 310,
        powerCycles: 1n,
        powerOnHours: BigInt(Math.floor((Date.now() - startedAt) / 3_600_000)),
        totalBytes: device.totalBytes,
        availBytes: device.totalBytes > used ? device.totalBytes - used : 0n,
        clusterSize: clusterBytes,
        metaWalSize: walBytes(request.metaSize),
        rdbWalSize: walBytes(request.rdbSize),
      };
    }),

    [MgmtMethod.DEV_SET_FAULTY]: answering(log, SetFaultyReqSchema, DevManageRespSchema, async (request) => {
      const device = await devices.setFaulty(parseUuid(request.uuid, "device"));
      void engine.ras.deviceSetFaulty(device.uuid);
      void changePools("EXCLUDE", device.targets);
      return { device: { uuid: device.uuid } };
    }),

    [MgmtMethod.DEV_REPLACE]: answering(log, DevReplaceReqSchema, DevManageRespSchema, async (request) => {
      const old = parseUuid(request.oldDevUuid, "old device");
      const device = await devices.replace(old, parseUuid(request.newDevUuid, "new device"));
      void engine.ras.deviceReplaced(old, device.uuid);
      void changePools("REINTEGRATE", device.targets);
      return { device: { uuid: device.uuid } };
    }),

    [MgmtMethod.LED_MANAGE]: answering(log, LedManageReqSchema, DevManageRespSchema, (request) => {
      if (request.ids === "") throw new DerError(Der.INVAL, "no PCI address given");
      // Only drives behind VMD have a LED that can be driven: the others say so, and that is no error.
      if (!devices.vmd) return { device: { ctrlr: { pciAddr: request.ids, ledState: LedState.NA } } };
      const now = devices.list().find((d) => d.address === request.ids);
      if (now === undefined) throw new DerError(Der.NONEXIST, `no device at ${request.ids}`);
      const wanted: Led =
        request.ledAction === LedAction.SET
          ? ledOf(request.ledState)
          : request.ledAction === LedAction.RESET
            ? now.state === "FAULTY"
              ? "ON"
              : "OFF"
            : now.led;
      const durationMs = request.ledAction === LedAction.SET ? request.ledDurationMins * 60_000 : 0;
      const device =
        request.ledAction === LedAction.GET ? now : devices.setLed(request.ids, wanted, durationMs);
      return { device: { ctrlr: { pciAddr: device.address, ledState: leds[device.led] } } };
    }),
  };
}
