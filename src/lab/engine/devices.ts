import { readFile, stat } from "node:fs/promises";
import { Der, DerError } from "./der.ts";
import type { Documents } from "./storage.ts";

/** Roles of a device, as bits: what daos_nvme.conf has at the end of a device's name. */
export const DeviceRole = { DATA: 1, META: 2, WAL: 4 } as const;

/** A device of daos_nvme.conf. */
export interface ConfiguredDevice {
  readonly name: string;
  /** PCI address; "" for a file or kernel device. */
  readonly address: string;
  readonly path: string | undefined;
  /** Role bits; 0 when the configuration gives none (all data). */
  readonly roles: number;
}

export interface NvmeConfig {
  readonly devices: readonly ConfiguredDevice[];
  /** LEDs can be driven only behind VMD. */
  readonly vmd: boolean;
}

interface SpdkMethod {
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/**
 * Reads SPDK's JSON as 2.6 writes it: `AIO_<host>_<n>_<tier>_<roles>` and `Nvme_<host>_<n>_<tier>_<roles>`.
 * @throws DerError DER_INVAL when it is not that
 */
export function parseNvmeConfig(text: string): NvmeConfig {
  let document: { subsystems?: { subsystem?: string; config?: SpdkMethod[] }[] };
  try {
    document = JSON.parse(text) as typeof document;
  } catch (error) {
    throw new DerError(Der.INVAL, `NVMe configuration is not JSON: ${(error as Error).message}`);
  }
  const devices: ConfiguredDevice[] = [];
  let vmd = false;
  for (const { subsystem, config } of document.subsystems ?? []) {
    if (subsystem === "vmd") vmd = true;
    for (const { method, params = {} } of config ?? []) {
      const name = String(params["name"] ?? "");
      const roles = Number(/_(\d+)$/.exec(name)?.[1] ?? 0);
      if (method === "bdev_aio_create") {
        devices.push({ name, address: "", path: String(params["filename"] ?? ""), roles });
      } else if (method === "bdev_nvme_attach_controller") {
        devices.push({ name, address: String(params["traddr"] ?? ""), path: undefined, roles });
      }
    }
  }
  return { devices, vmd };
}

export type DeviceState = "NORMAL" | "NEW" | "FAULTY";

export type Led = "OFF" | "ON" | "QUICK_BLINK" | "SLOW_BLINK";

export interface Device {
  readonly uuid: string;
  readonly name: string;
  readonly address: string;
  readonly roles: number;
  readonly totalBytes: bigint;
  /** Targets whose data it holds; none for a spare. */
  readonly targets: readonly number[];
  readonly state: DeviceState;
  readonly led: Led;
}

/** What is kept of a device. */
type KeptDevice = Pick<Device, "uuid" | "name" | "targets" | "state">;

export interface Devices {
  readonly vmd: boolean;
  list(): readonly Device[];
  /** @throws DerError DER_NONEXIST */
  get(uuid: string): Device;
  /** Bytes pools may take. */
  dataBytes(): bigint;
  /** @throws DerError DER_NONEXIST for an unknown or unused device */
  setFaulty(uuid: string): Promise<Device>;
  /**
   * Puts a device in the place of a faulty one, or revives the faulty one when both are the same.
   * @returns the device that serves now
   * @throws DerError DER_NONEXIST, or DER_INVAL when the states do not allow it
   */
  replace(oldUuid: string, newUuid: string): Promise<Device>;
  /** By PCI address. @throws DerError DER_NONEXIST */
  setLed(address: string, led: Led, durationMs: number): Device;
}

/** Clusters a device is cut into: 32 MiB in 2.6 for files as for NVMe. */
export const clusterBytes = 32n * 1024n * 1024n;

const documentName = "devices";

/**
 * Opens the devices of a configuration. Each gets its UUID when it is first seen and keeps it; targets are
 * dealt out to the data devices in turn, once. A device that comes later is a spare (NEW).
 * @param addressBytes what a device without a file holds
 */
export async function openDevices(
  configPath: string | undefined,
  targets: number,
  addressBytes: bigint,
  documents: Documents,
): Promise<Devices> {
  const config = await loadConfig(configPath);
  const kept = ((await documents.get(documentName)) ?? []) as KeptDevice[];
  const first = kept.length === 0;
  const devices = new Map<string, Device>();
  for (const configured of config.devices) {
    const known = kept.find((k) => k.name === configured.name);
    const device: Device = {
      uuid: known?.uuid ?? crypto.randomUUID(),
      name: configured.name,
      address: configured.address,
      roles: configured.roles,
      totalBytes:
        ((configured.path === undefined ? addressBytes : await fileBytes(configured.path)) / clusterBytes) *
        clusterBytes,
      targets: known?.targets ?? [],
      state: known?.state ?? (first ? "NORMAL" : "NEW"),
      led: known?.state === "FAULTY" ? "ON" : "OFF",
    };
    devices.set(device.uuid, device);
  }
  if (first) dealTargets(devices, targets);
  const keep = () =>
    documents.put(
      documentName,
      [...devices.values()].map(({ uuid, name, targets, state }) => ({ uuid, name, targets, state })),
    );
  if (devices.size > 0) await keep();

  const get = (uuid: string): Device => {
    const device = devices.get(uuid.toLowerCase());
    if (device === undefined) throw new DerError(Der.NONEXIST, `no device ${uuid}`);
    return device;
  };
  const change = async (device: Device, changes: Partial<Device>): Promise<Device> => {
    const changed = { ...device, ...changes };
    devices.set(device.uuid, changed);
    await keep();
    return changed;
  };
  const timers = new Map<string, ReturnType<typeof setTimeout>>();

  return {
    vmd: config.vmd,
    list: () => [...devices.values()],
    get,
    dataBytes: () =>
      [...devices.values()]
        .filter((d) => d.state === "NORMAL" && isData(d))
        .reduce((sum, d) => sum + d.totalBytes, 0n),
    setFaulty(uuid) {
      const device = get(uuid);
      if (device.state === "NEW") return Promise.reject(new DerError(Der.NONEXIST, `${uuid} is not in use`));
      return change(device, { state: "FAULTY", led: "ON" });
    },
    async replace(oldUuid, newUuid) {
      const old = get(oldUuid);
      if (old.state !== "FAULTY") throw new DerError(Der.INVAL, `device ${oldUuid} is not faulty`);
      if (old.uuid === newUuid.toLowerCase()) return change(old, { state: "NORMAL", led: "OFF" });
      const spare = devices.get(newUuid.toLowerCase());
      if (spare === undefined || spare.state !== "NEW") {
        throw new DerError(Der.INVAL, `device ${newUuid} is not a spare`);
      }
      devices.set(old.uuid, { ...old, state: "NEW", targets: [], led: "OFF" });
      return change(spare, { state: "NORMAL", targets: old.targets, led: "OFF" });
    },
    setLed(address, led, durationMs) {
      const device = [...devices.values()].find((d) => d.address !== "" && d.address === address);
      if (device === undefined) throw new DerError(Der.NONEXIST, `no device at ${address}`);
      const changed = { ...device, led };
      devices.set(device.uuid, changed);
      clearTimeout(timers.get(device.uuid));
      if (durationMs > 0) {
        const reset = setTimeout(() => {
          const now = get(device.uuid);
          devices.set(now.uuid, { ...now, led: now.state === "FAULTY" ? "ON" : "OFF" });
        }, durationMs);
        reset.unref();
        timers.set(device.uuid, reset);
      }
      return changed;
    },
  };
}

function isData(device: Pick<Device, "roles">): boolean {
  return device.roles === 0 || (device.roles & DeviceRole.DATA) !== 0;
}

function dealTargets(devices: Map<string, Device>, targets: number): void {
  // Each role's devices are shared by all targets; a device of several roles gets its targets once.
  for (const role of [DeviceRole.DATA, DeviceRole.META, DeviceRole.WAL]) {
    const ofRole = [...devices.values()].filter((d) =>
      d.roles === 0 ? role === DeviceRole.DATA : (d.roles & role) !== 0,
    );
    if (ofRole.length === 0) continue;
    for (let target = 0; target < targets; target++) {
      const at = (ofRole[target % ofRole.length] as Device).uuid;
      const device = devices.get(at) as Device;
      if (device.targets.includes(target)) continue;
      devices.set(at, { ...device, targets: [...device.targets, target] });
    }
  }
  for (const device of devices.values()) {
    if (device.targets.length === 0) devices.set(device.uuid, { ...device, state: "NEW" });
  }
}

async function loadConfig(path: string | undefined): Promise<NvmeConfig> {
  if (path === undefined) return { devices: [], vmd: false };
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new DerError(Der.INVAL, `NVMe configuration: ${(error as Error).message}`);
  }
  return parseNvmeConfig(text);
}

async function fileBytes(path: string): Promise<bigint> {
  try {
    return (await stat(path, { bigint: true })).size;
  } catch (error) {
    throw new DerError(Der.NONEXIST, `device ${path}: ${(error as Error).message}`);
  }
}
