import {
  address,
  array,
  bool8,
  bytes,
  type CStruct,
  cstr,
  i32,
  padded,
  struct,
  u8,
  u16,
  u32,
  u64,
  u128,
} from "../cstruct.ts";
import type { SpdkRelease } from "./releases.ts";

/**
 * Structs of SPDK (checked against its headers by test/ffi/spdk-layout.test.ts where they are installed, and
 * always against the stand-in library of the tests) and pages of the NVMe specification.
 */

const optsHead = { name: address, core_mask: address };
const optsIds = { shm_id: i32, mem_channel: i32, main_core: i32, mem_size: i32 };
const optsFlags = { no_pci: bool8, hugepage_single_segments: bool8, unlink_hugepage: bool8 };
const optsTail = {
  num_pci_addr: address,
  hugedir: address,
  pci_blocked: address,
  pci_allowed: address,
  iova_mode: address,
  base_virtaddr: u64,
  env_context: address,
};

const opts2201 = struct({ ...optsHead, ...optsIds, ...optsFlags, ...optsTail });
const opts2305 = struct({
  ...optsHead,
  lcore_map: address,
  ...optsIds,
  ...optsFlags,
  ...optsTail,
  vf_token: address,
});
const opts2401 = struct({
  ...optsHead,
  lcore_map: address,
  ...optsIds,
  ...optsFlags,
  no_huge: bool8,
  ...optsTail,
  vf_token: address,
});
const opts2409 = struct({
  ...optsHead,
  lcore_map: address,
  ...optsIds,
  ...optsFlags,
  no_huge: bool8,
  reserved: u32,
  ...optsTail,
  vf_token: address,
  opts_size: address,
  enforce_numa: bool8,
  reserved2: bytes(7),
});

type OptsFields = typeof optsHead & typeof optsIds & typeof optsFlags & typeof optsTail;
/** The members of struct spdk_env_opts that every release has. */
export type EnvOpts = Pick<CStruct<OptsFields>, "encode" | "decode" | "sizeBytes"> & {
  readonly offsets: Readonly<Record<string, number>>;
};

export const ENV_OPTS: Readonly<Record<SpdkRelease["envOpts"], EnvOpts>> = {
  "22.01": opts2201,
  "23.05": opts2305,
  "24.01": opts2401,
  "24.09": opts2409,
};
/**
 * A library may write more than its release's struct: 23.01 has one pointer more than 22.01 under the same
 * names. Memory for the options is this large whatever the release.
 */
export const ENV_OPTS_ROOM_BYTES = 512;

export const pciAddr = struct({ domain: u32, bus: u8, dev: u8, func: u8 });

/** struct spdk_nvme_transport_id as far as the address; the same in all releases we know. */
export const transportId = struct({
  trstring: cstr(33),
  trtype: u32,
  adrfam: u32,
  traddr: cstr(257),
});

/** Status of struct spdk_nvme_cpl: sixteen bits at byte 14. */
export const CPL_STATUS_OFFSET = 14;

/** NVMe Identify Controller data (NVMe base specification 1.4, figure 247). */
export const identifyController = struct(
  {
    vid: u16,
    ssvid: u16,
    sn: padded(20),
    mn: padded(40),
    fr: padded(8),
    _rab: u8,
    _ieee: bytes(3),
    _cmic: u8,
    mdts: u8,
    cntlid: u16,
    ver: u32,
    _rtd3: bytes(8),
    _oaes: u32,
    ctratt: u32,
    _100: bytes(156),
    oacs: u16,
    _acl: u8,
    _aerl: u8,
    frmw: u8,
    lpa: u8,
    elpe: u8,
    npss: u8,
    _264: bytes(2),
    wctemp: u16,
    cctemp: u16,
    _270: bytes(10),
    tnvmcap: u128,
    unvmcap: u128,
    _312: bytes(200),
    _sqes: u8,
    _cqes: u8,
    maxcmd: u16,
    nn: u32,
    oncs: u16,
    _fuses: u16,
    fna: u8,
    vwc: u8,
    _526: bytes(242),
    subnqn: cstr(256),
  },
  { sizeBytes: 4096 },
);

/** SMART / Health Information log page (figure 194), packed. */
export const healthPage = struct(
  {
    critical_warning: u8,
    temperature: u16,
    available_spare: u8,
    available_spare_threshold: u8,
    percentage_used: u8,
    _6: bytes(26),
    data_units_read: u128,
    data_units_written: u128,
    host_read_commands: u128,
    host_write_commands: u128,
    controller_busy_time: u128,
    power_cycles: u128,
    power_on_hours: u128,
    unsafe_shutdowns: u128,
    media_errors: u128,
    num_error_info_log_entries: u128,
    warning_temp_time: u32,
    critical_temp_time: u32,
    temp_sensor: array(u16, 8),
    _216: bytes(296),
  },
  { packBytes: 1 },
);

/** One entry of the Error Information log page (figure 192). */
export const errorEntry = struct({
  error_count: u64,
  sqid: u16,
  cid: u16,
  status: u16,
  error_location: u16,
  lba: u64,
  nsid: u32,
  vendor_specific: u8,
  trtype: u8,
  _30: bytes(2),
  command_specific: u64,
  trtype_specific: u16,
  _42: bytes(22),
});

/** Firmware Slot Information log page (figure 195). */
export const firmwarePage = struct({ afi: u8, _1: bytes(7), revision: array(padded(8), 7), _64: bytes(448) });

/** Intel's SMART attributes, log page 0xca: 13 attributes of 12 bytes. */
export const intelAttribute = struct({
  code: u8,
  _1: bytes(2),
  normalized_value: u8,
  _4: u8,
  raw_value: bytes(6),
  _11: u8,
});
export const INTEL_ATTRIBUTES = 13;

/** Intel's temperature statistics, log page 0xc5. */
export const intelTemperature = struct({
  current_temperature: u64,
  shutdown_flag_last: u64,
  shutdown_flag_life: u64,
  highest_temperature: u64,
  lowest_temperature: u64,
  _40: bytes(40),
  specified_max_op_temperature: u64,
  _88: u64,
  specified_min_op_temperature: u64,
  estimated_offset: u64,
});

export const LogPage = {
  error: 0x01,
  health: 0x02,
  firmware: 0x03,
  intelTemperature: 0xc5,
  intelSmart: 0xca,
} as const;

export const INTEL_VENDOR_ID = 0x8086;
/** Log pages of the whole controller are asked for with this namespace. */
export const ALL_NAMESPACES = 0xffffffff;
