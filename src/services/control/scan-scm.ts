import { basename, relative } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isScmTier } from "../../config/types.ts";
import type { ManagedInstance } from "../../engine/instance.ts";
import { engineEnv } from "../../engine/launch.ts";
import type { ScanScmReq, ScanScmRespSchema, ScmNamespaceSchema } from "../../gen/ctl/storage_scm_pb.ts";
import { type PmemNamespace, readPmemNamespaces } from "../../hardware/pmem.ts";
import type { ControlDeps } from "./deps.ts";
import { scanModules } from "./scm-module.ts";

/** Plain data, never a message: answers are put together field by field. */
type ScmNamespaceInit = Exclude<MessageInitShape<typeof ScmNamespaceSchema>, { $typeName: string }>;

const MIB = 1024n * 1024n;
/** Kept for the control plane's own files on a memory tier (2.6: mdDaosScmBytes). */
const CONTROL_FILES_BYTES = 16n * MIB;
/** Kept for the file system of a memory tier (2.6: mdFsScmBytes). */
const FILE_SYSTEM_BYTES = 1n * MIB;
/** The engine's metadata pool unless DAOS_MD_CAP (MiB) says otherwise (2.6: DEFAULT_DAOS_MD_CAP_SIZE). */
const DEFAULT_RDB_BYTES = 1024n * MIB;

/** Size of the engine's own metadata pool. @throws Error when DAOS_MD_CAP is no whole number. */
export function rdbBytes(instance: ManagedInstance): bigint {
  const text = engineEnv(instance.config, { fabricDomain: undefined }, process.env)["DAOS_MD_CAP"];
  if (text === undefined) return DEFAULT_RDB_BYTES;
  if (!/^\d+$/.test(text)) throw new Error(`invalid RDB file size: "${text}" does not define a plain int`);
  return BigInt(text) * MIB;
}

function isBelow(parent: string, path: string): boolean {
  const way = relative(parent, path);
  return way === "" || !way.startsWith("..");
}

/** What pools can really have of the `available` bytes of an engine's memory tier. */
export function usableScmBytes(instance: ManagedInstance, available: bigint): bigint {
  const { storage } = instance;
  let kept = rdbBytes(instance) + FILE_SYSTEM_BYTES;
  const metadataPath = storage.metadata.path;
  const controlFilesHere =
    !storage.metadataOnSsd || (metadataPath !== undefined && isBelow(storage.scm.mountPoint, metadataPath));
  if (controlFilesHere) kept += CONTROL_FILES_BYTES;
  return available > kept ? available - kept : 0n;
}

function pmemNamespace(found: PmemNamespace): ScmNamespaceInit {
  return {
    uuid: found.uuid,
    blockdev: found.blockDevice,
    dev: found.name,
    numaNode: found.numaNode,
    size: found.sizeBytes,
  };
}

async function withUsage(
  instance: ManagedInstance,
  pmem: readonly PmemNamespace[],
  deps: ControlDeps,
): Promise<ScmNamespaceInit> {
  const { scm } = instance.storage;
  const tier = instance.config.storage.find(isScmTier);
  const deviceList = tier?.scmList ?? [];
  const { totalBytes, availBytes } = await scm.usage();
  let usableBytes = 0n;
  try {
    usableBytes = usableScmBytes(instance, availBytes);
  } catch (error) {
    deps.log.notice(`Adjusting usable size to 0 Bytes of SCM device "${scm.mountPoint}": ${String(error)}`);
  }
  const mount = {
    path: scm.mountPoint,
    totalBytes,
    availBytes,
    usableBytes,
    deviceList,
    class: scm.class,
    rank: instance.rank() ?? 0,
  };
  if (scm.class === "ram") return { blockdev: "ramdisk", size: scm.sizeBytes ?? totalBytes, mount };
  const device = pmem.find((found) => deviceList.some((path) => basename(path) === found.blockDevice));
  if (device === undefined) {
    throw new Error(`instance ${instance.index}: no pmem namespace for mount ${scm.mountPoint}`);
  }
  return { ...pmemNamespace(device), mount };
}

/** PMem of the host, or with `usage` the space of the memory tiers of running engines. */
export async function scanScm(
  deps: ControlDeps,
  request: ScanScmReq | undefined,
): Promise<MessageInitShape<typeof ScanScmRespSchema>> {
  if (request === undefined) throw new Error("nil scm request");
  const pmem = await readPmemNamespaces();
  if (!request.usage) {
    return { modules: await scanModules(deps.log), namespaces: pmem.map(pmemNamespace), state: {} };
  }
  const ready = deps.harness.instances.filter((instance) => instance.isReady());
  if (ready.length === 0) throw new Error("no scm details found");
  return { namespaces: await Promise.all(ready.map((one) => withUsage(one, pmem, deps))), state: {} };
}
