import type { AccelerationConfig, BdevTierConfig, EngineConfig } from "../../config/types.ts";
import { isBdevTier } from "../../config/types.ts";
import { roleBits } from "../roles.ts";

/** NVME_ACCEL_FLAG_… bits of the engine (src/include/daos_srv/control.h). */
const ACCEL_BIT = { move: 1, crc: 2 } as const;

/** Block size of a file used as a device, bytes. */
export const AIO_BLOCK_BYTES = 4096;

const HOTPLUG_PERIOD_US = 5_000_000;

export interface NvmeConfOptions {
  /** Part of every device name: the engine finds its devices by it. */
  readonly hostname: string;
  readonly hotplug: boolean;
  readonly vmd: boolean;
  /** PCI buses whose hot plug events count; only used with `hotplug`. */
  readonly busRange?: { readonly begin: number; readonly end: number };
}

type Params = Readonly<Record<string, string | number | boolean>>;
interface Method {
  readonly params: Params;
  readonly method: string;
}

function attachMethod(tier: BdevTierConfig, name: string, device: string): Method {
  switch (tier.class) {
    case "nvme":
      return {
        params: { trtype: "PCIe", name: `Nvme_${name}`, traddr: device },
        method: "bdev_nvme_attach_controller",
      };
    case "file":
      return {
        params: { block_size: AIO_BLOCK_BYTES, name: `AIO_${name}`, filename: device },
        method: "bdev_aio_create",
      };
    case "kdev":
      // Block size 0: SPDK asks the device.
      return { params: { block_size: 0, name: `AIO_${name}`, filename: device }, method: "bdev_aio_create" };
  }
}

function accelMethod(acceleration: AccelerationConfig | undefined): Method[] {
  if (acceleration === undefined || acceleration.engine === "none") return [];
  const bits = acceleration.options.reduce((sum, option) => sum | ACCEL_BIT[option], 0);
  if (bits === 0) return [];
  return [{ params: { accel_engine: acceleration.engine, accel_opts: bits }, method: "accel_props" }];
}

function daosMethods(engine: EngineConfig, options: NvmeConfOptions): Method[] {
  const methods = accelMethod(engine.acceleration);
  const rpc = engine.spdkRpcServer;
  if (rpc?.enable === true) {
    methods.push({ params: { enable: true, sock_addr: rpc.sockAddr ?? "" }, method: "spdk_rpc_srv" });
  }
  const faulty = engine.bdevAutoFaulty;
  if (faulty?.enable === true) {
    methods.push({
      params: { enable: true, max_io_errs: faulty.maxIoErrs, max_csum_errs: faulty.maxCsumErrs },
      method: "auto_faulty",
    });
  }
  if (options.hotplug) {
    const { begin, end } = options.busRange ?? { begin: 0, end: 0xff };
    methods.push({ params: { begin, end }, method: "hotplug_busid_range" });
  }
  return methods;
}

/**
 * The text of daos_nvme.conf, byte for byte what 2.6 writes for the same configuration: an SPDK JSON
 * configuration with a section of DAOS settings before it. undefined when the engine has no block device.
 */
export function nvmeConf(engine: EngineConfig, options: NvmeConfOptions): string | undefined {
  const tiers = engine.storage.filter(isBdevTier);
  if (!tiers.some((tier) => tier.class !== "nvme" || tier.bdevList.length > 0)) return undefined;

  const bdev: Method[] = [
    { params: { bdev_io_pool_size: 65536, bdev_io_cache_size: 256 }, method: "bdev_set_options" },
    {
      params: {
        retry_count: 4,
        timeout_us: 0,
        nvme_adminq_poll_period_us: 100_000,
        action_on_timeout: "none",
        nvme_ioq_poll_period_us: 0,
      },
      method: "bdev_nvme_set_options",
    },
  ];
  for (const tier of tiers) {
    for (const [index, device] of tier.bdevList.entries()) {
      // The engine reads tier and roles out of the name.
      const name = `${options.hostname}_${index}_${tier.tier}_${roleBits(tier.bdevRoles)}`;
      bdev.push(attachMethod(tier, name, device));
    }
  }
  // After the attach lines: SPDK races with VMD otherwise (SPDK issue 3370).
  bdev.push({
    params: { enable: options.hotplug, period_us: options.hotplug ? HOTPLUG_PERIOD_US : 0 },
    method: "bdev_nvme_set_hotplug",
  });

  const subsystems: { subsystem: string; config: Method[] }[] = [{ subsystem: "bdev", config: bdev }];
  if (options.vmd && tiers.some((tier) => tier.class === "nvme")) {
    subsystems.push({ subsystem: "vmd", config: [{ params: {}, method: "enable_vmd" }] });
  }
  return goJson({ daos_data: { config: daosMethods(engine, options) }, subsystems });
}

/** JSON as Go's encoder indents it: its HTML escapes are the one difference to ours. */
function goJson(document: unknown): string {
  const escapes: Readonly<Record<string, string>> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" };
  return JSON.stringify(document, undefined, 2).replace(/[<>&]/g, (character) => escapes[character] ?? "");
}

/** "0x80-0x8f" -> numbers; undefined for an empty or unreadable range. */
export function parseBusRange(text: string | undefined): { begin: number; end: number } | undefined {
  const match = /^(0x[0-9a-f]+|\d+)-(0x[0-9a-f]+|\d+)$/i.exec(text ?? "");
  if (match === null) return undefined;
  const range = { begin: Number(match[1]), end: Number(match[2]) };
  return range.begin === 0 && range.end === 0 ? undefined : range;
}
