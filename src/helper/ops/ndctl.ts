import { z } from "zod";
import { errorText } from "../../faults/fault.ts";
import { faultNdctlMissing, faultScmCommand } from "../../faults/scm.ts";

/** ndctl has a label area to write and a device to start; on a busy machine that takes its time. */
const TIMEOUT_MS = 120_000;
/** The helper is killed as a whole when it is late; this is for what it may read. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/**
 * Runs ndctl and returns what it printed.
 * @throws Fault "scm" 1 when it is not installed, 200 with its words when it failed.
 */
async function ndctl(args: readonly string[]): Promise<string> {
  const program = Bun.which("ndctl");
  if (program === null) throw faultNdctlMissing();
  const child = Bun.spawn([program, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  if (child.exitCode === 0) return stdout;
  const reason = stderr.trim() === "" ? `exit status ${child.exitCode ?? child.signalCode}` : stderr.trim();
  throw faultScmCommand(`ndctl ${args.join(" ")}`, reason.replaceAll("\n", "; "));
}

/** JSON numbers of ndctl go to 2^64; a set id may be negative. As text they survive. */
const wholeNumber = z.union([z.number(), z.string()]).transform(String);

const namespaceSchema = z.object({
  dev: z.string(),
  uuid: z.string().default(""),
  blockdev: z.string().default(""),
  size: wholeNumber,
  numa_node: z.int().default(0),
  mode: z.string().default(""),
});
const regionSchema = z.object({
  dev: z.string(),
  size: wholeNumber,
  available_size: wholeNumber,
  type: z.string().default(""),
  numa_node: z.int().default(0),
  iset_id: wholeNumber.default("0"),
  persistence_domain: z.string().default(""),
});

/** `"iset_id":-2506113243053544244` loses digits in JSON.parse: quote every long number first. */
function quoteLongNumbers(json: string): string {
  return json.replace(/:\s*(-?\d{15,})(?=\s*[,}\]])/g, ':"$1"');
}

/** `{"regions":[…]}`: how `list -R -v` prints regions once one of them has a namespace. */
function unwrap(parsed: unknown, wrapper: string): unknown {
  if (typeof parsed !== "object" || parsed === null || !(wrapper in parsed)) return parsed;
  return (parsed as Record<string, unknown>)[wrapper];
}

/** ndctl prints one object, an array, either of them in a wrapper, or nothing at all. */
function list<T extends z.ZodType>(json: string, shape: T, wrapper: string): z.output<T>[] {
  if (json.trim() === "") return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(quoteLongNumbers(json));
  } catch (error) {
    throw faultScmCommand("reading the output of ndctl", errorText(error));
  }
  const inner = unwrap(parsed, wrapper);
  const checked = z.array(shape).safeParse(Array.isArray(inner) ? inner : [inner]);
  if (!checked.success) throw faultScmCommand("reading the output of ndctl", z.prettifyError(checked.error));
  return checked.data;
}

export interface NdctlNamespace {
  readonly name: string;
  readonly uuid: string;
  readonly blockDevice: string;
  readonly sizeBytes: string;
  readonly numaNode: number;
}

export interface NdctlRegion {
  readonly name: string;
  readonly sizeBytes: string;
  readonly availableBytes: string;
  readonly numaNode: number;
  /** As an unsigned decimal, as libipmctl has it. */
  readonly isetId: string;
  readonly type: string;
  readonly persistenceDomain: string;
}

/** Exported for tests with recorded output. */
export function parseNamespaces(json: string): NdctlNamespace[] {
  return list(json, namespaceSchema, "namespaces").map((found) => ({
    name: found.dev,
    uuid: found.uuid,
    blockDevice: found.blockdev,
    sizeBytes: found.size,
    numaNode: Math.max(0, found.numa_node),
  }));
}

/** Exported for tests with recorded output. */
export function parseRegions(json: string): NdctlRegion[] {
  return list(json, regionSchema, "regions").map((found) => ({
    name: found.dev,
    sizeBytes: found.size,
    availableBytes: found.available_size,
    numaNode: Math.max(0, found.numa_node),
    isetId: String(BigInt.asUintN(64, BigInt(found.iset_id))),
    type: found.type,
    persistenceDomain: found.persistence_domain,
  }));
}

export async function readNamespaces(): Promise<{ namespaces: NdctlNamespace[]; regions: NdctlRegion[] }> {
  return {
    namespaces: parseNamespaces(await ndctl(["list", "-N", "-v"])),
    regions: parseRegions(await ndctl(["list", "-R", "-v"])),
  };
}

/** Makes a namespace in fsdax mode, which is ndctl's own choice. */
export async function createNamespace(region: string, sizeBytes: number): Promise<void> {
  await ndctl(["create-namespace", "--region", region, "--size", String(sizeBytes)]);
}

export async function destroyNamespace(name: string): Promise<void> {
  await ndctl(["disable-namespace", name]);
  await ndctl(["destroy-namespace", name]);
}
