import { faultLibraryVersion } from "../../faults/library.ts";
import {
  faultIpmctlBadVersion,
  faultScmCommand,
  faultScmDiscovery,
  faultScmNoPMem,
} from "../../faults/scm.ts";
import { bindOptional, bindSymbols, openLibrary, searchFolders } from "../dl.ts";
import { cString } from "../libc.ts";
import { NVM_ERR_NO_GOAL, nvmErrorText, nvmSucceeded } from "./codes.ts";
import {
  configGoal,
  configGoalInput,
  DEVICE_HEALTH,
  deviceDiscovery,
  deviceFwInfo,
  deviceStatus,
  FW_UPDATE_STATUS,
  LOCK_STATES,
  REGION_HEALTH,
  REGION_TYPES,
  region,
  UID_BYTES,
} from "./layout.ts";

const LIBRARY = {
  title: "libipmctl",
  names: ["libipmctl.so.5", "libipmctl.so.4"],
  install: "install the package libipmctl (Red Hat, SUSE) or libipmctl5 (Debian), version 2 or 3",
};
const MAJOR_VERSIONS = [2, 3];
/** These misreport regions (the fix is ipmctl's commit 9e3898cb15fa). */
const BAD_VERSIONS = /^02\.00\.00\.(3809|3814|3816)\b/;
/** The count of modules and regions is a byte in these calls. */
const MAX_DEVICES = 255;

/** One PMem module. Sizes are bytes as decimal text (they cross a process boundary as JSON). */
export interface PmemModule {
  readonly uid: string;
  readonly physicalId: number;
  readonly socketId: number;
  readonly controllerId: number;
  readonly channelId: number;
  readonly channelPosition: number;
  readonly capacityBytes: string;
  readonly partNumber: string;
  readonly firmwareRevision: string;
  readonly health: string;
  readonly security: string;
}

export interface PmemRegion {
  readonly isetId: string;
  readonly type: (typeof REGION_TYPES)[number];
  readonly socketId: number;
  readonly capacityBytes: string;
  readonly freeBytes: string;
  readonly health: (typeof REGION_HEALTH)[number];
  readonly modules: number;
}

/** A goal that is set and not applied yet: that takes a reboot. */
export interface PmemGoal {
  readonly uid: string;
  readonly socketId: number;
  readonly appDirectBytes: string;
  readonly volatileBytes: string;
  readonly status: number;
}

export interface PmemScan {
  readonly version: string;
  readonly modules: readonly PmemModule[];
  readonly regions: readonly PmemRegion[];
  readonly goals: readonly PmemGoal[];
}

export interface PmemFirmware {
  readonly activeVersion: string;
  /** "" when nothing is staged. */
  readonly stagedVersion: string;
  readonly imageMaxSizeBytes: number;
  readonly updateStatus: (typeof FW_UPDATE_STATUS)[number];
}

function word<T extends string>(words: readonly T[], index: number): T {
  return words[index] ?? words[0]!;
}

function bind(folders: readonly (string | undefined)[]) {
  const library = openLibrary(LIBRARY, folders);
  const required = bindSymbols([library], {
    nvm_get_major_version: { args: [], returns: "i32" },
    nvm_get_version: { args: ["ptr", "u64"], returns: "i32" },
    nvm_get_number_of_devices: { args: ["ptr"], returns: "i32" },
    nvm_get_devices: { args: ["ptr", "u8"], returns: "i32" },
    nvm_get_device_status: { args: ["ptr", "ptr"], returns: "i32" },
    nvm_get_number_of_regions: { args: ["ptr"], returns: "i32" },
    nvm_get_regions: { args: ["ptr", "ptr"], returns: "i32" },
    nvm_create_config_goal: { args: ["ptr", "u32", "ptr"], returns: "i32" },
    nvm_get_config_goal: { args: ["ptr", "u32", "ptr"], returns: "i32" },
    nvm_delete_config_goal: { args: ["ptr", "u32"], returns: "i32" },
    nvm_get_device_fw_image_info: { args: ["ptr", "ptr"], returns: "i32" },
    nvm_update_device_fw: { args: ["ptr", "ptr", "u64", "u8"], returns: "i32" },
  });
  // Reading regions from the firmware table alone is quick; older libraries only read them from the modules.
  const extended = bindOptional([library], {
    nvm_get_number_of_regions_ex: { args: ["u8", "ptr"], returns: "i32" },
    nvm_get_regions_ex: { args: ["u8", "ptr", "ptr"], returns: "i32" },
  });
  return { required, extended };
}

/** libipmctl, opened and of a version we know. Its calls block for seconds on real modules: helper child only. */
export interface Ipmctl {
  readonly version: string;
  modules(): PmemModule[];
  regions(): PmemRegion[];
  goals(): PmemGoal[];
  /** Asks for one interleaved AppDirect region a socket over all capacity, from the next boot on. */
  createGoal(socket?: number): void;
  /** Takes goals back that no boot has applied. */
  deleteGoal(socket?: number): void;
  firmware(uid: string): PmemFirmware;
  updateFirmware(uid: string, path: string, force: boolean): void;
}

/** @throws Fault "dependency" 1 or 2, "scm" 2 for versions known to be broken. */
export function openIpmctl(folders = searchFolders(process.env)): Ipmctl {
  const { required: nvm, extended } = bind(folders);
  const version = readVersion();
  const major = nvm.nvm_get_major_version();
  if (!MAJOR_VERSIONS.includes(major)) {
    throw faultLibraryVersion(LIBRARY.title, version, MAJOR_VERSIONS.join(" or "), LIBRARY.install);
  }
  if (BAD_VERSIONS.test(version)) throw faultIpmctlBadVersion(version);

  function readVersion(): string {
    const text = Buffer.alloc(32);
    discover("nvm_get_version", nvm.nvm_get_version(text, text.length));
    return text.toString("latin1").replace(/\0.*$/s, "");
  }

  /** Modules there are. Ask this first: without any, every other call answers the same unknown error. */
  function countModules(): number {
    const count = new Uint32Array(1);
    discover("nvm_get_number_of_devices", nvm.nvm_get_number_of_devices(count));
    return Math.min(count[0]!, MAX_DEVICES);
  }

  function discoverModules() {
    const count = countModules();
    if (count === 0) return [];
    const memory = deviceDiscovery.allocate(count);
    discover("nvm_get_devices", nvm.nvm_get_devices(memory, count));
    return Array.from({ length: count }, (_, index) => deviceDiscovery.decode(memory, index));
  }

  function health(uid: string): string {
    const memory = deviceStatus.allocate();
    // One module that does not answer is shown as such; the others are still worth a scan.
    if (!nvmSucceeded(nvm.nvm_get_device_status(uidOf(uid), memory))) return DEVICE_HEALTH[0];
    return word(DEVICE_HEALTH, deviceStatus.decode(memory).health);
  }

  /** NVM_UID[] of the modules of a socket, or of all. */
  function selectModules(socket?: number): { uids: Buffer; count: number } {
    const selected = discoverModules().filter(
      (module) => socket === undefined || module.socket_id === socket,
    );
    if (selected.length === 0) throw faultScmNoPMem();
    const uids = Buffer.alloc(selected.length * UID_BYTES);
    for (const [index, module] of selected.entries()) uids.write(module.uid, index * UID_BYTES, "latin1");
    return { uids, count: selected.length };
  }

  return {
    version,
    modules: () =>
      discoverModules().map((module) => ({
        uid: module.uid,
        physicalId: module.physical_id,
        socketId: module.socket_id,
        controllerId: module.memory_controller_id,
        channelId: module.channel_id,
        channelPosition: module.channel_pos,
        capacityBytes: String(module.capacity),
        partNumber: module.part_number.trim(),
        firmwareRevision: module.fw_revision,
        health: health(module.uid),
        security: word(LOCK_STATES, module.lock_state),
      })),
    regions() {
      if (countModules() === 0) return [];
      const count = new Uint8Array(1);
      const counted =
        extended?.nvm_get_number_of_regions_ex(1, count) ?? nvm.nvm_get_number_of_regions(count);
      discover("nvm_get_number_of_regions", counted);
      if (count[0] === 0) return [];
      const memory = region.allocate(count[0]);
      const got = extended?.nvm_get_regions_ex(1, memory, count) ?? nvm.nvm_get_regions(memory, count);
      discover("nvm_get_regions", got);
      return Array.from({ length: count[0]! }, (_, index) => {
        const found = region.decode(memory, index);
        return {
          isetId: String(found.isetId),
          type: word(REGION_TYPES, found.type),
          socketId: found.socket_id,
          capacityBytes: String(found.capacity),
          freeBytes: String(found.free_capacity),
          health: word(REGION_HEALTH, found.health),
          modules: found.dimm_count,
        };
      });
    },
    goals() {
      if (countModules() === 0) return [];
      const { uids, count } = selectModules();
      const memory = configGoal.allocate(count);
      const rc = nvm.nvm_get_config_goal(uids, count, memory);
      if (rc === NVM_ERR_NO_GOAL) return [];
      discover("nvm_get_config_goal", rc);
      return Array.from({ length: count }, (_, index) => configGoal.decode(memory, index))
        .filter((goal) => goal.dimm_uid !== "")
        .map((goal) => ({
          uid: goal.dimm_uid,
          socketId: goal.socket_id,
          appDirectBytes: String(goal.appdirect_size.reduce((sum, size) => sum + size, 0n)),
          volatileBytes: String(goal.volatile_size),
          status: goal.status,
        }));
    },
    createGoal(socket) {
      const { uids, count } = selectModules(socket);
      const input = configGoalInput.allocate();
      // AppDirect over all capacity, labels of version 1.2: what `ipmctl create -goal
      // PersistentMemoryType=AppDirect` asks for.
      configGoalInput.encode(input, {
        persistent_mem_type: 1,
        namespace_label_major: 1,
        namespace_label_minor: 2,
      });
      change("creating a memory allocation goal", nvm.nvm_create_config_goal(uids, count, input));
    },
    deleteGoal(socket) {
      const { uids, count } = selectModules(socket);
      const rc = nvm.nvm_delete_config_goal(uids, count);
      if (rc !== NVM_ERR_NO_GOAL) change("deleting memory allocation goals", rc);
    },
    firmware(uid) {
      const memory = deviceFwInfo.allocate();
      discover("nvm_get_device_fw_image_info", nvm.nvm_get_device_fw_image_info(uidOf(uid), memory));
      const info = deviceFwInfo.decode(memory);
      return {
        activeVersion: info.active_fw_revision,
        stagedVersion: /^[0.]*$/.test(info.staged_fw_revision) ? "" : info.staged_fw_revision,
        imageMaxSizeBytes: info.FWImageMaxSize * 4096,
        updateStatus: word(FW_UPDATE_STATUS, info.fw_update_status),
      };
    },
    updateFirmware(uid, path, force) {
      const rc = nvm.nvm_update_device_fw(uidOf(uid), cString(path), Buffer.byteLength(path), force ? 1 : 0);
      change(`firmware update of PMem module ${uid}`, rc);
    },
  };
}

function uidOf(uid: string): Buffer {
  const memory = Buffer.alloc(UID_BYTES);
  memory.write(uid.slice(0, UID_BYTES - 1), "latin1");
  return memory;
}

function discover(call: string, rc: number): void {
  if (!nvmSucceeded(rc)) throw faultScmDiscovery(`${call}: ${nvmErrorText(rc)}`);
}

function change(what: string, rc: number): void {
  if (!nvmSucceeded(rc)) throw faultScmCommand(what, nvmErrorText(rc));
}

/** Everything about PMem at once. */
export function scanPmem(): PmemScan {
  const ipmctl = openIpmctl();
  return {
    version: ipmctl.version,
    modules: ipmctl.modules(),
    regions: ipmctl.regions(),
    goals: ipmctl.goals(),
  };
}
