import { z } from "zod";

/**
 * What the helper does beside mounts: everything that loads a library of a hardware vendor, runs a vendor's
 * program, or hands devices from one kernel driver to another. Every field is bounded and plain, since the
 * helper may have more rights than who asks.
 */

/** "0000:3d:00.0"; a device behind VMD has the VMD's own address as its domain ("5d0505:01:00.0"). */
export const pciAddressSchema = z
  .string()
  .regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, "must be a PCI address in full, in lower case");

const absoluteFile = z
  .string()
  .max(4095)
  .regex(/^\/[^\0]+$/, "must be an absolute path");
const pmemUid = z.string().regex(/^[0-9a-fA-F-]{1,21}$/, "must be the UID of a PMem module");
const pmemDevice = z.string().regex(/^\/dev\/pmem\d{1,4}(\.\d{1,4})?s?$/, "must be a PMem block device");
const socketId = z.int().min(0).max(1023);

/** Drivers that the helper binds devices to; "none" leaves the device without one. */
export const BINDABLE_DRIVERS = ["vfio-pci", "uio_pci_generic", "nvme", "vmd", "none"] as const;
export type BindableDriver = (typeof BINDABLE_DRIVERS)[number];

/** Modules that the helper loads. */
const LOADABLE_MODULES = ["vfio-pci", "vfio_iommu_type1", "uio_pci_generic", "nvme", "vmd", "msr"] as const;

/** One change to the host. The order of a plan is the order they are made in. */
export const stepSchema = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("load-module"), module: z.enum(LOADABLE_MODULES) }),
  /** Hands a device to another driver. Refused for what is no NVMe or VMD controller, or is in use. */
  z.strictObject({ do: z.literal("bind"), address: pciAddressSchema, driver: z.enum(BINDABLE_DRIVERS) }),
  /** Gives the VFIO group of a device to a user. */
  z.strictObject({
    do: z.literal("own-vfio"),
    address: pciAddressSchema,
    uid: z.int().min(0),
    gid: z.int().min(0),
  }),
  /** Pages of one size on one NUMA node; -1: the kernel spreads them. */
  z.strictObject({
    do: z.literal("hugepages"),
    node: z.int().min(-1).max(1023),
    pageSizeKib: z
      .int()
      .min(4)
      .max(16 * 1024 * 1024),
    pages: z
      .int()
      .min(0)
      .max(1 << 28),
  }),
  z.strictObject({ do: z.literal("mount-hugetlbfs") }),
  /** Gives the mount point of huge pages to a user. */
  z.strictObject({ do: z.literal("own-hugetlbfs"), uid: z.int().min(0), gid: z.int().min(0) }),
  /** Removes what SPDK processes that are gone have left (huge-page files, lock files, run folders). */
  z.strictObject({ do: z.literal("clean-spdk") }),
  /** The kernel looks for devices again: those without a driver get the one that is theirs. */
  z.strictObject({ do: z.literal("rescan") }),
]);
export type Step = z.output<typeof stepSchema>;

/** What became of a step. */
export const stepResultSchema = z.strictObject({
  done: z.boolean(),
  /** What there was before and is now, in words: "nvme -> vfio-pci", "0 -> 1024 pages". */
  detail: z.string(),
  /** Number of pages there are now, files removed … */
  count: z.int().optional(),
});
export type StepResult = z.output<typeof stepResultSchema>;
export const stepResultsSchema = z.array(stepResultSchema);

const segmentList = z
  .array(
    z.strictObject({
      key: z
        .int()
        .min(-(2 ** 31))
        .max(2 ** 31 - 1),
      uid: z
        .int()
        .min(0)
        .max(2 ** 32 - 1),
    }),
  )
  .max(16_384);

const allowList = z.array(pciAddressSchema).max(256);

export const operationSchemas = [
  /** Metrics that processes of this node keep in shared memory. */
  z.strictObject({ op: z.literal("telemetry-read"), segments: segmentList }),
  /** Removes such memory when it is older than that and the process that made it is gone. */
  z.strictObject({ op: z.literal("telemetry-prune"), segments: segmentList, olderThanMs: z.number().min(0) }),
  z.strictObject({ op: z.literal("fabric-scan") }),
  z.strictObject({ op: z.literal("pmem-scan") }),
  z.strictObject({
    op: z.literal("pmem-goal"),
    action: z.enum(["create", "delete"]),
    socket: socketId.optional(),
  }),
  z.strictObject({ op: z.literal("pmem-firmware"), uid: pmemUid }),
  z.strictObject({
    op: z.literal("pmem-firmware-update"),
    uid: pmemUid,
    path: absoluteFile,
    force: z.boolean().default(true),
  }),
  z.strictObject({ op: z.literal("pmem-namespaces") }),
  z.strictObject({
    op: z.literal("pmem-namespace-create"),
    region: z.string().regex(/^region\d{1,4}$/),
    sizeBytes: z.int().min(1),
  }),
  z.strictObject({
    op: z.literal("pmem-namespace-destroy"),
    name: z.string().regex(/^namespace\d{1,4}\.\d{1,4}$/),
  }),
  /** What file system a PMem device holds. */
  z.strictObject({ op: z.literal("pmem-probe"), device: pmemDevice }),
  z.strictObject({ op: z.literal("pmem-mkfs"), device: pmemDevice, force: z.boolean().default(false) }),
  /** Whether SPDK is there, without touching a device. */
  z.strictObject({ op: z.literal("spdk-release") }),
  z.strictObject({
    op: z.literal("nvme-scan"),
    /** Controllers to look at, VMD ones by their own address; empty: all that are free for user space. */
    allow: allowList.default([]),
    vmd: z.boolean().default(false),
    health: z.boolean().default(true),
  }),
  z.strictObject({ op: z.literal("nvme-format"), allow: allowList.min(1), vmd: z.boolean().default(false) }),
  z.strictObject({
    op: z.literal("nvme-firmware-update"),
    address: pciAddressSchema,
    vmd: z.boolean().default(false),
    path: absoluteFile,
    slot: z.int().min(0).max(7),
  }),
  z.strictObject({
    op: z.literal("nvme-led"),
    address: pciAddressSchema,
    /** Absent: only tell. */
    state: z.enum(["off", "identify", "fault", "rebuild"]).optional(),
  }),
  z.strictObject({ op: z.literal("storage-apply"), steps: z.array(stepSchema).max(4096) }),
] as const;

/** One of these, checked and with defaults filled in. */
export type Operation = z.output<(typeof operationSchemas)[number]>;
