import { array, bytes, cEnum, cstr, struct, u8, u16, u32, u64 } from "../cstruct.ts";

/**
 * Structs of <nvm_management.h>, ABI of libipmctl 2 and 3 (soname 4 and 5), checked against the header by
 * test/ffi/layout.test.ts.
 */
export const UID_BYTES = 22;
const VERSION_BYTES = 25;
const MAX_DEVICES_PER_SOCKET = 24;
const MAX_SETS_PER_DIMM = 2;

export const deviceDiscovery = struct({
  all_properties_populated: u8,
  device_handle: u32,
  physical_id: u16,
  vendor_id: u16,
  device_id: u16,
  revision_id: u16,
  channel_pos: u16,
  channel_id: u16,
  memory_controller_id: u16,
  socket_id: u16,
  node_controller_id: u16,
  memory_type: cEnum,
  dimm_sku: u32,
  manufacturer: bytes(2),
  serial_number: bytes(4),
  subsystem_vendor_id: u16,
  subsystem_device_id: u16,
  subsystem_revision_id: u16,
  manufacturing_info_valid: u8,
  manufacturing_location: u8,
  manufacturing_date: u16,
  part_number: cstr(21),
  fw_revision: cstr(VERSION_BYTES),
  fw_api_version: cstr(VERSION_BYTES),
  capacity: u64,
  interface_format_codes: array(u16, 9),
  security_capabilities: bytes(8),
  device_capabilities: bytes(8),
  uid: cstr(UID_BYTES),
  lock_state: cEnum,
  manageability: cEnum,
  controller_revision_id: u16,
  master_passphrase_enabled: u8,
  reserved: bytes(47),
});

/** The beginning of struct device_status (the rest is not read). */
export const deviceStatus = struct({
  health: u8,
  is_new: u8,
  is_configured: u8,
  is_missing: u8,
  package_spares_available: u8,
  last_shutdown_status_details: u32,
  config_status: cEnum,
  last_shutdown_time: u64,
  mixed_sku: u8,
  sku_violation: u8,
  viral_state: u8,
  ars_status: cEnum,
  overwritedimm_status: cEnum,
  ait_dram_enabled: u8,
  boot_status: u64,
  injected_media_errors: u32,
  injected_non_media_errors: u32,
  unlatched_last_shutdown_status_details: u32,
  thermal_throttle_performance_loss_pcnt: u8,
  reserved: bytes(64),
});

export const deviceFwInfo = struct({
  active_fw_revision: cstr(VERSION_BYTES),
  staged_fw_revision: cstr(VERSION_BYTES),
  /** In units of 4096 bytes. */
  FWImageMaxSize: u32,
  fw_update_status: cEnum,
  reserved: bytes(4),
});

export const region = struct({
  isetId: u64,
  type: cEnum,
  capacity: u64,
  free_capacity: u64,
  socket_id: u16,
  dimm_count: u16,
  dimms: array(u16, MAX_DEVICES_PER_SOCKET),
  health: cEnum,
  reserved: bytes(40),
});

export const configGoalInput = struct({
  persistent_mem_type: u8,
  volatile_percent: u32,
  reserved_percent: u32,
  reserve_dimm: u32,
  namespace_label_major: u16,
  namespace_label_minor: u16,
  reserved: bytes(44),
});

export const configGoal = struct({
  dimm_uid: cstr(UID_BYTES),
  socket_id: u16,
  persistent_regions: u32,
  volatile_size: u64,
  storage_capacity: u64,
  interleave_set_type: array(cEnum, MAX_SETS_PER_DIMM),
  appdirect_size: array(u64, MAX_SETS_PER_DIMM),
  imc_interleaving: array(cEnum, MAX_SETS_PER_DIMM),
  channel_interleaving: array(cEnum, MAX_SETS_PER_DIMM),
  appdirect_index: bytes(MAX_SETS_PER_DIMM),
  status: cEnum,
  reserved: bytes(32),
});

/** enum region_type, in the words of `ipmctl show -region`. */
export const REGION_TYPES = ["Unknown", "AppDirect", "AppDirectNotInterleaved", "Volatile"] as const;
/** enum region_health; counting starts at 1. */
export const REGION_HEALTH = ["Unknown", "Healthy", "Error", "Unknown", "Pending", "Locked"] as const;
/** enum health_status, in the words of `ipmctl show -dimm`. */
export const DEVICE_HEALTH = [
  "Unknown",
  "Healthy",
  "Non-critical failure",
  "Critical failure",
  "Fatal error",
  "Unmanageable",
  "Non-functional",
] as const;
/** enum lock_state, in the words of `ipmctl show -dimm`. */
export const LOCK_STATES = [
  "Unknown",
  "Disabled",
  "Unlocked",
  "Locked",
  "Frozen",
  "Exceeded",
  "Not Supported",
] as const;
/** enum fw_update_status. */
export const FW_UPDATE_STATUS = ["unknown", "staged", "success", "failed"] as const;
