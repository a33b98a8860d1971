import { readFile } from "node:fs/promises";
import { errorText, Fault } from "../../faults/fault.ts";
import { faultNoHardwareAccess } from "../../faults/library.ts";
import { faultBdevNotFound, faultSpdkMemory } from "../../faults/spdk.ts";
import {
  decodeErrorLog,
  decodeFirmwareSlots,
  decodeHealth,
  decodeIdentity,
  decodeIntelSmart,
  decodeIntelTemperature,
  healthProblems,
} from "../../ffi/spdk/decode.ts";
import {
  errorEntry,
  firmwarePage,
  healthPage,
  INTEL_VENDOR_ID,
  intelTemperature,
  LogPage,
} from "../../ffi/spdk/layout.ts";
import { openSpdk } from "../../ffi/spdk/library.ts";
import { chooseMemory } from "../../ffi/spdk/memory.ts";
import { type Controller, type LedState, SpdkSession } from "../../ffi/spdk/session.ts";
import { readStorageHost, type StorageHost } from "../pci/host.ts";
import { removeLeftovers, spdkFolders } from "../pci/leftovers.ts";
import { hostRoots } from "../pci/roots.ts";
import { userSpaceUse } from "../pci/users.ts";
import { backingDomain, vmdOfBacking } from "../pci/vmd.ts";

/** 2.6 wipes this much of each namespace: file-system signatures and the superblock of a blobstore. */
const WIPE_BYTES = 4096;
/** Newest entries of the error log that a scan shows. */
const ERROR_LOG_ENTRIES = 16;
/** Intel's SMART page: 13 attributes of 12 bytes, and room for drives that send the whole page. */
const INTEL_SMART_BYTES = 512;
/** A firmware image is a few MiB; this much is a mistake. */
const MAX_FIRMWARE_BYTES = 128 * 1024 * 1024;

/** Drivers that leave a device to user space. */
function isUserSpaceDriver(driver: string | undefined): boolean {
  return driver === "vfio-pci" || driver === "igb_uio" || (driver?.startsWith("uio") ?? false);
}

interface Session {
  readonly spdk: SpdkSession;
  readonly controllers: readonly Controller[];
  readonly host: StorageHost;
  /** Milliseconds in the libraries: loading, start, probe. */
  readonly startMs: number;
}

/** Controllers that SPDK is to find: those of the allow list, or all that are bound for user space. */
function wantedControllers(host: StorageHost, allow: readonly string[], vmd: boolean): string[] {
  if (allow.length > 0) return [...allow];
  return host.controllers
    .filter((one) => isUserSpaceDriver(one.driver) && (one.kind === "nvme" || vmd))
    .map((one) => one.address);
}

/** Opens SPDK on the wanted controllers, runs `use`, and always lets go of them. */
async function withSpdk<T>(
  request: { allow: readonly string[]; vmd: boolean },
  use: (session: Session) => T | Promise<T>,
): Promise<T> {
  const host = await readStorageHost();
  // SPDK is told of a VMD, not of what is behind it.
  const allow = [...new Set(request.allow.map((address) => vmdOfBacking(address) ?? address))];
  const drivers = host.controllers
    .filter((one) => (allow.length === 0 || allow.includes(one.address)) && isUserSpaceDriver(one.driver))
    .map((one) => one.driver ?? "");
  if (process.geteuid?.() !== 0 && drivers.includes("uio_pci_generic")) {
    throw faultNoHardwareAccess("NVMe devices on uio_pci_generic", "only root may use them");
  }
  const freeHugeBytes = host.pages.reduce((sum, node) => sum + node.free, 0) * host.pageSizeKib * 1024;
  const memory = chooseMemory({
    freeHugeBytes,
    drivers,
    iommu: host.iommu,
    iommuAddressBits: host.iommuAddressBits,
  });
  const library = openSpdk();
  if (typeof memory === "string") throw faultSpdkMemory(memory);
  const started = performance.now();
  const spdk = new SpdkSession(library, memory, allow, request.vmd);
  const controllers = spdk.probe();
  const startMs = performance.now() - started;
  try {
    return await use({ spdk, controllers, host, startMs });
  } finally {
    spdk.end(controllers);
    await removeLeftovers(
      hostRoots,
      spdkFolders,
      controllers.map((controller) => controller.address),
    );
  }
}

/** Why a controller that was wanted was not found. */
async function whyMissing(host: StorageHost, address: string): Promise<string> {
  const controller = host.controllers.find((one) => one.address === address);
  if (controller === undefined) return `${address} is not on the PCI bus`;
  if (!isUserSpaceDriver(controller.driver)) {
    return `${address} is on the kernel's driver ${controller.driver ?? "none"}`;
  }
  const use = await userSpaceUse(hostRoots, address);
  return `${address} is ${use ?? `on ${controller.driver}, but SPDK could not open it`}`;
}

async function missingControllers(
  { controllers, host }: Session,
  request: { allow: readonly string[]; vmd: boolean },
): Promise<{ address: string; reason: string }[]> {
  const found = new Set(controllers.map((controller) => controller.address));
  const domains = new Set(controllers.map((controller) => controller.address.split(":")[0]));
  const missing: { address: string; reason: string }[] = [];
  for (const address of wantedControllers(host, request.allow, request.vmd)) {
    // A VMD is found when anything behind it is.
    if (found.has(address) || domains.has(backingDomain(address))) continue;
    missing.push({ address, reason: await whyMissing(host, address) });
  }
  return missing;
}

/** bigint has no JSON form; the reader makes numbers of decimal text (ask.ts). */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function describe(spdk: SpdkSession, controller: Controller, withHealth: boolean): object {
  const identity = decodeIdentity(spdk.identify(controller));
  const { socketId, type } = spdk.device(controller);
  const namespaces = spdk
    .namespaces(controller)
    .map(({ id, sizeBytes, sectorBytes }) => ({ id, sizeBytes, sectorBytes }));
  const basics = {
    address: controller.address,
    socketId: Math.max(0, socketId),
    pciType: type,
    identity,
    namespaces,
  };
  if (!withHealth || !spdk.supportsLogPage(controller, LogPage.health)) return { ...basics, problems: [] };
  const health = decodeHealth(spdk.logPage(controller, LogPage.health, healthPage.sizeBytes));
  const page = (number: number, length: number) =>
    spdk.supportsLogPage(controller, number) ? spdk.logPage(controller, number, length) : undefined;
  const errors = page(
    LogPage.error,
    errorEntry.sizeBytes * Math.min(ERROR_LOG_ENTRIES, identity.errorLogEntries),
  );
  const slots = page(LogPage.firmware, firmwarePage.sizeBytes);
  const intel = identity.vendorId === INTEL_VENDOR_ID;
  const smart = intel ? page(LogPage.intelSmart, INTEL_SMART_BYTES) : undefined;
  const temperature = intel ? page(LogPage.intelTemperature, intelTemperature.sizeBytes) : undefined;
  return {
    ...basics,
    health,
    problems: healthProblems(health),
    errorLog: errors === undefined ? [] : decodeErrorLog(errors),
    firmwareSlots: slots === undefined ? undefined : decodeFirmwareSlots(slots),
    intelSmart: smart === undefined ? undefined : decodeIntelSmart(smart),
    intelTemperature: temperature === undefined ? undefined : decodeIntelTemperature(temperature),
  };
}

/** Everything about the controllers. One that fails is told as such; the others are still worth having. */
export function scanNvme(request: { allow: string[]; vmd: boolean; health: boolean }): Promise<unknown> {
  return withSpdk(request, async (session) => {
    const controllers = session.controllers.map((controller) => {
      try {
        return describe(session.spdk, controller, request.health);
      } catch (error) {
        return { address: controller.address, error: errorText(error) };
      }
    });
    const missing = await missingControllers(session, request);
    return plain({ controllers, missing, startMs: Math.round(session.startMs) });
  });
}

/** Wipes the start of every namespace of the controllers, and says of each how it went. */
export function formatNvme(request: { allow: string[]; vmd: boolean }): Promise<unknown> {
  return withSpdk(request, async (session) => {
    const results: { address: string; namespace: number; error: string }[] = [];
    for (const controller of session.controllers) {
      try {
        const namespaces = session.spdk.namespaces(controller);
        if (namespaces.length === 0) {
          results.push({ address: controller.address, namespace: 0, error: "no namespaces on controller" });
        }
        for (const namespace of namespaces) {
          let error = "";
          try {
            session.spdk.wipeStart(controller, namespace, WIPE_BYTES);
          } catch (failure) {
            error = failure instanceof Fault ? failure.message : errorText(failure);
          }
          results.push({ address: controller.address, namespace: namespace.id, error });
        }
      } catch (failure) {
        results.push({ address: controller.address, namespace: 0, error: errorText(failure) });
      }
    }
    for (const { address, reason } of await missingControllers(session, request)) {
      results.push({
        address,
        namespace: 0,
        error: faultBdevNotFound([address], reason, request.vmd).message,
      });
    }
    return results;
  });
}

/** Loads a firmware image. Answers what is still needed for it to take effect ("" for nothing). */
export async function updateNvmeFirmware(request: {
  address: string;
  vmd: boolean;
  path: string;
  slot: number;
}): Promise<unknown> {
  const image = await readFile(request.path);
  if (image.length === 0 || image.length % 4 !== 0 || image.length > MAX_FIRMWARE_BYTES) {
    throw new Fault(
      "spdk",
      803,
      `${request.path} is no firmware image: ${image.length} bytes`,
      "firmware images are a multiple of 4 bytes long",
    );
  }
  return withSpdk({ allow: [request.address], vmd: request.vmd }, async (session) => ({
    needs: session.spdk.updateFirmware(await oneController(session, request.address), image, request.slot),
  }));
}

async function oneController(session: Session, address: string): Promise<Controller> {
  const controller = session.controllers.find((one) => one.address === address);
  if (controller !== undefined) return controller;
  throw faultBdevNotFound([address], await whyMissing(session.host, address));
}

/** Tells, or sets and tells, the state of a drive's LED. Drives behind VMD only. */
export function manageLed(request: {
  address: string;
  state?: Exclude<LedState, "unknown"> | undefined;
}): Promise<unknown> {
  return withSpdk({ allow: [request.address], vmd: true }, async (session) => ({
    state: session.spdk.led(await oneController(session, request.address), request.state),
  }));
}
