import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorText, Fault } from "../../faults/fault.ts";

/** What the build says of the etcd server it carries; etcd.json beside it in a checkout. */
export interface EtcdManifest {
  /** "3.4.23". */
  readonly version: string;
  /** Where it was taken from: a Debian package with its version, or a path. */
  readonly source: string;
  /** Of the program itself, hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface EtcdAsset extends EtcdManifest {
  /** The program's bytes, checked against sha256. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Set by build.ts; absent when the sources are run, "" in a build without etcd. */
declare const DAOSCTL_ETCD: string | undefined;

/** The compressed program in the cache of a checkout; inside the executable a hash follows the name. */
const assetName = "etcd-server.zst";
const embeddedName = /(^|\/)etcd-server[^/]*\.zst$/;
const cacheFolder = join(import.meta.dir, "../../../node_modules/.cache/daosctl", process.arch);

/**
 * The etcd server that this executable carries; in a checkout the one that build.ts has fetched.
 * @throws Fault 600 in a build without one.
 */
export async function etcdAsset(): Promise<EtcdAsset> {
  const manifest = await readManifest();
  return {
    ...manifest,
    async read() {
      const program = await Bun.zstdDecompress(await compressedBytes());
      const found = createHash("sha256").update(program).digest("hex");
      if (found !== manifest.sha256) throw faultNoEtcd(`its checksum is ${found}, not ${manifest.sha256}`);
      return new Uint8Array(program);
    },
  };
}

async function readManifest(): Promise<EtcdManifest> {
  if (typeof DAOSCTL_ETCD === "string") {
    if (DAOSCTL_ETCD === "") throw faultNoEtcd("it was built with --no-etcd");
    return JSON.parse(DAOSCTL_ETCD) as EtcdManifest;
  }
  try {
    return JSON.parse(await readFile(join(cacheFolder, "etcd.json"), "utf8")) as EtcdManifest;
  } catch (error) {
    throw faultNoEtcd(`no etcd in ${cacheFolder}, "npm run build" fetches it: ${errorText(error)}`);
  }
}

async function compressedBytes(): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof DAOSCTL_ETCD !== "string") return Bun.file(join(cacheFolder, assetName)).bytes();
  const embedded = Bun.embeddedFiles.find((file) => embeddedName.test((file as File).name));
  if (embedded === undefined) throw faultNoEtcd(`${assetName} is missing from it`);
  return embedded.bytes();
}

function faultNoEtcd(reason: string): Fault {
  return new Fault(
    "server",
    600,
    "this daosctl carries no etcd server, which a management service of several replicas needs",
    "use a build with etcd, or name one access point only",
    reason,
  );
}
