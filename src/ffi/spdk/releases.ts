/**
 * Releases of SPDK that we know how to call. The versions in the names of its libraries are its promise about
 * the ABI; a release is used only when all of its names are there. DAOS 2.6 ships 22.01.
 */
export interface SpdkRelease {
  readonly release: string;
  /** Version in DPDK's names. */
  readonly dpdk: string;
  readonly envDpdk: string;
  readonly log: string;
  readonly util: string;
  readonly nvme: string;
  readonly vmd: string;
  /** Layout of struct spdk_env_opts (layout.ts). */
  readonly envOpts: "22.01" | "23.05" | "24.01" | "24.09";
}

/** The one that DAOS 2.6 ships first, then newer ones. Versions are those of lib/<name>/Makefile of each tag. */
export const SPDK_RELEASES: readonly SpdkRelease[] = [
  {
    release: "22.01",
    dpdk: "22",
    envDpdk: "8.1",
    log: "4.1",
    util: "4.1",
    nvme: "7.2",
    vmd: "3.1",
    envOpts: "22.01",
  },
  {
    release: "22.05",
    dpdk: "22",
    envDpdk: "9.0",
    log: "5.0",
    util: "5.0",
    nvme: "8.0",
    vmd: "4.0",
    envOpts: "22.01",
  },
  {
    release: "22.09",
    dpdk: "22",
    envDpdk: "10.0",
    log: "5.0",
    util: "5.1",
    nvme: "9.0",
    vmd: "4.1",
    envOpts: "22.01",
  },
  {
    release: "23.01",
    dpdk: "23",
    envDpdk: "11.0",
    log: "5.1",
    util: "5.2",
    nvme: "9.1",
    vmd: "4.1",
    envOpts: "22.01",
  },
  {
    release: "23.05",
    dpdk: "23",
    envDpdk: "12.0",
    log: "6.0",
    util: "6.0",
    nvme: "10.0",
    vmd: "5.0",
    envOpts: "23.05",
  },
  {
    release: "23.09",
    dpdk: "23",
    envDpdk: "12.0",
    log: "6.1",
    util: "7.0",
    nvme: "11.0",
    vmd: "5.0",
    envOpts: "23.05",
  },
  {
    release: "24.01",
    dpdk: "24",
    envDpdk: "13.0",
    log: "6.1",
    util: "8.0",
    nvme: "12.0",
    vmd: "5.0",
    envOpts: "24.01",
  },
  {
    release: "24.05",
    dpdk: "24",
    envDpdk: "14.0",
    log: "7.0",
    util: "9.0",
    nvme: "13.0",
    vmd: "6.0",
    envOpts: "24.01",
  },
  {
    release: "24.09",
    dpdk: "24",
    envDpdk: "15.0",
    log: "7.0",
    util: "10.0",
    nvme: "14.0",
    vmd: "6.0",
    envOpts: "24.09",
  },
];

/**
 * Library names of a release in the order they are opened. env_dpdk comes before util (each needs the other)
 * and does not name the DPDK libraries it needs.
 */
export function libraryNames(release: SpdkRelease): string[] {
  return [
    ...["eal", "mempool", "mempool_ring", "bus_pci"].map((name) => `librte_${name}.so.${release.dpdk}`),
    `libspdk_log.so.${release.log}`,
    `libspdk_env_dpdk.so.${release.envDpdk}`,
    `libspdk_util.so.${release.util}`,
    `libspdk_nvme.so.${release.nvme}`,
    `libspdk_vmd.so.${release.vmd}`,
  ];
}
