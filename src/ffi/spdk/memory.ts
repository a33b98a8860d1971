/**
 * How SPDK gets memory that devices may write to. Decided before it starts, because it does not say what is
 * wrong afterwards: with too little it hangs, with the wrong kind of address it finds no device and calls
 * that a success.
 */
export interface MemoryFacts {
  /** Free huge pages of the default size, in bytes. */
  readonly freeHugeBytes: number;
  /** Kernel drivers that the wanted devices are bound to. */
  readonly drivers: readonly string[];
  readonly iommu: boolean;
  /** Width of addresses the IOMMU can map; undefined when it does not tell. */
  readonly iommuAddressBits: number | undefined;
}

export interface MemoryChoice {
  readonly hugePages: boolean;
  /** Addresses that devices are given: virtual (through an IOMMU) or physical. */
  readonly iovaMode: "va" | "pa";
  /** DPDK's own words, appended to those it always gets. */
  readonly dpdkArguments: string;
  /** MiB to reserve; undefined: all there is. */
  readonly memoryMib: number | undefined;
}

/** A controller takes a few pages; this is enough for hundreds. Fewer free huge pages made SPDK hang. */
const MIN_HUGE_BYTES = 64 * 1024 * 1024;
/** Virtual addresses of a process need this many bits to be mapped one to one. */
const VIRTUAL_ADDRESS_BITS = 48;

/** The choice, or the reason why there is none. */
export function chooseMemory(facts: MemoryFacts): MemoryChoice | string {
  const usesUio = facts.drivers.some((driver) => driver.startsWith("uio") || driver === "igb_uio");
  const huge = facts.freeHugeBytes >= MIN_HUGE_BYTES;
  const narrow = facts.iommuAddressBits !== undefined && facts.iommuAddressBits < VIRTUAL_ADDRESS_BITS;
  // Without a device nothing is handed to hardware, and any memory does.
  const needsPhysical = facts.drivers.length > 0 && (usesUio || !facts.iommu || narrow);
  if (huge) {
    return {
      hugePages: true,
      iovaMode: needsPhysical ? "pa" : "va",
      dpdkArguments: "--no-telemetry",
      memoryMib: undefined,
    };
  }
  if (needsPhysical) {
    const found = Math.floor(facts.freeHugeBytes / (1024 * 1024));
    const why = usesUio
      ? "devices on a UIO driver need it"
      : facts.iommu
        ? `the IOMMU maps ${facts.iommuAddressBits} bits only`
        : "there is no IOMMU";
    return `${found} MiB of huge pages are free, ${MIN_HUGE_BYTES / (1024 * 1024)} MiB are needed because ${why}`;
  }
  return {
    hugePages: false,
    iovaMode: "va",
    dpdkArguments: "--no-telemetry --no-huge --legacy-mem",
    memoryMib: 64,
  };
}
