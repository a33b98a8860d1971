import { statfs } from "node:fs/promises";

/** Space of a memory tier. */
export interface ScmUsage {
  readonly totalBytes: bigint;
  readonly availBytes: bigint;
}

/**
 * A memory tier of one engine. Made of a tmpfs (ram.ts), an ordinary folder where mounts are not permitted
 * (folder.ts), or PMem (dcpm.ts).
 */
export interface ScmBackend {
  readonly class: "ram" | "dcpm";
  readonly mountPoint: string;
  /** Size by configuration; undefined where the device decides. */
  readonly sizeBytes: bigint | undefined;
  /** It is there for files to be written. */
  isMounted(): Promise<boolean>;
  /** It is neither there nor can be brought there without losing what it holds. */
  needsFormat(): Promise<boolean>;
  /** Brings a formatted tier there. Does nothing when it is. */
  mount(): Promise<void>;
  /**
   * Makes it anew, empty.
   * @throws Fault 101 when it is formatted and `force` is false.
   */
  format(force: boolean): Promise<void>;
  /** Takes it away. Does nothing when it is not there. */
  unmount(): Promise<void>;
  usage(): Promise<ScmUsage>;
}

/** Total and available bytes of the file system that holds `path`. */
export async function filesystemUsage(path: string): Promise<ScmUsage> {
  const { bsize, blocks, bavail } = await statfs(path, { bigint: true });
  return { totalBytes: bsize * blocks, availBytes: bsize * bavail };
}
