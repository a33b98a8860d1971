import { isFault } from "../../faults/fault.ts";
import { faultLibraryVersion } from "../../faults/library.ts";
import { bindOptional, bindSymbols, type Library, openLibrary, searchFolders, versionsFound } from "../dl.ts";
import { libraryNames, SPDK_RELEASES, type SpdkRelease } from "./releases.ts";

const INSTALL =
  "install the DAOS server package, which brings SPDK 22.01 as shared libraries, or say where they are with SPDK_LIB_DIR";

const FUNCTIONS = {
  spdk_env_opts_init: { args: ["ptr"], returns: "void" },
  spdk_env_init: { args: ["ptr"], returns: "i32" },
  spdk_env_fini: { args: [], returns: "void" },
  spdk_mem_register: { args: ["ptr", "u64"], returns: "i32" },
  spdk_pci_device_get_socket_id: { args: ["ptr"], returns: "i32" },
  spdk_pci_device_get_type: { args: ["ptr"], returns: "ptr" },
  spdk_dma_zmalloc: { args: ["u64", "u64", "ptr"], returns: "ptr" },
  spdk_dma_free: { args: ["ptr"], returns: "void" },
  spdk_log_set_print_level: { args: ["i32"], returns: "void" },
  spdk_nvme_probe: { args: ["ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  spdk_nvme_detach_async: { args: ["ptr", "ptr"], returns: "i32" },
  spdk_nvme_detach_poll: { args: ["ptr"], returns: "void" },
  spdk_nvme_ctrlr_get_data: { args: ["ptr"], returns: "ptr" },
  spdk_nvme_ctrlr_get_pci_device: { args: ["ptr"], returns: "ptr" },
  spdk_nvme_ctrlr_get_first_active_ns: { args: ["ptr"], returns: "u32" },
  spdk_nvme_ctrlr_get_next_active_ns: { args: ["ptr", "u32"], returns: "u32" },
  spdk_nvme_ctrlr_get_ns: { args: ["ptr", "u32"], returns: "ptr" },
  spdk_nvme_ctrlr_is_log_page_supported: { args: ["ptr", "u8"], returns: "bool" },
  spdk_nvme_ctrlr_cmd_get_log_page: {
    args: ["ptr", "u8", "u32", "ptr", "u32", "u64", "ptr", "ptr"],
    returns: "i32",
  },
  spdk_nvme_ctrlr_process_admin_completions: { args: ["ptr"], returns: "i32" },
  spdk_nvme_ctrlr_alloc_io_qpair: { args: ["ptr", "ptr", "u64"], returns: "ptr" },
  spdk_nvme_ctrlr_free_io_qpair: { args: ["ptr"], returns: "i32" },
  spdk_nvme_ctrlr_update_firmware: { args: ["ptr", "ptr", "u32", "i32", "u32", "ptr"], returns: "i32" },
  spdk_nvme_ns_get_size: { args: ["ptr"], returns: "u64" },
  spdk_nvme_ns_get_sector_size: { args: ["ptr"], returns: "u32" },
  spdk_nvme_ns_cmd_write: { args: ["ptr", "ptr", "ptr", "u64", "u32", "ptr", "ptr", "u32"], returns: "i32" },
  spdk_nvme_ns_cmd_read: { args: ["ptr", "ptr", "ptr", "u64", "u32", "ptr", "ptr", "u32"], returns: "i32" },
  spdk_nvme_qpair_process_completions: { args: ["ptr", "u32"], returns: "i32" },
} as const;

const VMD_FUNCTIONS = {
  spdk_vmd_init: { args: [], returns: "i32" },
  spdk_vmd_fini: { args: [], returns: "void" },
  spdk_vmd_set_led_state: { args: ["ptr", "u32"], returns: "i32" },
  spdk_vmd_get_led_state: { args: ["ptr", "ptr"], returns: "i32" },
} as const;

export type SpdkFunctions = ReturnType<typeof bindSymbols<typeof FUNCTIONS>>;
export type VmdFunctions = ReturnType<typeof bindSymbols<typeof VMD_FUNCTIONS>>;

export interface SpdkLibrary {
  readonly release: SpdkRelease;
  readonly call: SpdkFunctions;
  /** undefined when the library has no VMD support. */
  readonly vmd: VmdFunctions | undefined;
}

function open(release: SpdkRelease, folders: readonly (string | undefined)[]): Library[] {
  return libraryNames(release).map((name) =>
    openLibrary({ title: `SPDK ${release.release}`, names: [name], install: INSTALL, global: true }, folders),
  );
}

/** The release whose NVMe driver is there, without opening anything; undefined when none is seen. */
function releaseSeen(folders: readonly (string | undefined)[]): SpdkRelease | undefined {
  const seen = versionsFound("libspdk_nvme.so.", folders);
  return SPDK_RELEASES.find((release) => seen.includes(`libspdk_nvme.so.${release.nvme}`));
}

/**
 * Opens SPDK, the release of DAOS 2.6 or a newer one that is there. Once a process: libraries of two releases
 * do not live together, and what is opened stays.
 * @throws Fault "dependency" 1 (missing), 2 (there, but of a release we do not know, or a function is missing).
 */
export function openSpdk(folders = searchFolders(process.env)): SpdkLibrary {
  const release = releaseSeen(folders) ?? SPDK_RELEASES[0]!;
  let libraries: Library[];
  try {
    libraries = open(release, folders);
  } catch (error) {
    const others = versionsFound("libspdk_nvme.so.", folders).filter((name) => /\.so\.\d+\.\d+$/.test(name));
    if (!isFault(error, 1) || others.length === 0 || releaseSeen(folders) !== undefined) throw error;
    const known = SPDK_RELEASES.map((one) => one.release).join(", ");
    throw faultLibraryVersion("SPDK", others.join(", "), `SPDK ${known}`, INSTALL);
  }
  return {
    release,
    call: bindSymbols(libraries, FUNCTIONS),
    vmd: bindOptional(libraries, VMD_FUNCTIONS),
  };
}
