import { createServer } from "node:net";
import { labFault } from "./error.ts";

/** Ports of one server. */
export interface ServerPorts {
  readonly control: number;
  /** First port of each engine. */
  readonly fabric: number[];
}

export interface PortShape {
  readonly servers: number;
  readonly engines: number;
  readonly targets: number;
}

/**
 * Labs look for ports from here to there: below the range that Linux gives to outgoing connections (32768 and
 * up), so that nobody's client takes a port while the lab is down.
 */
const firstPort = 20_000;
const lastPort = 32_000;

/** An engine may use a port for each target after its first, and a few more for itself. */
function fabricStride({ targets }: PortShape): number {
  return Math.max(16, targets + 8);
}

function blockSize(shape: PortShape): number {
  return shape.servers + shape.servers * shape.engines * fabricStride(shape);
}

/** All ports of a lab in one block: the control ports, one after the other, then the engines'. */
export function portsFrom(base: number, shape: PortShape): ServerPorts[] {
  const stride = fabricStride(shape);
  return Array.from({ length: shape.servers }, (_, server) => ({
    control: base + server,
    fabric: Array.from(
      { length: shape.engines },
      (_, engine) => base + shape.servers + (server * shape.engines + engine) * stride,
    ),
  }));
}

export async function isPortFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** The first port that is taken, of those that programs of a lab listen on. */
export async function takenPort(ports: readonly ServerPorts[]): Promise<number | undefined> {
  for (const { control, fabric } of ports) {
    for (const port of [control, ...fabric]) if (!(await isPortFree(port))) return port;
  }
  return undefined;
}

/** A small number out of text; FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

/**
 * A block of free ports: from `base` if given, else one that the folder's name leads to, so that labs in
 * different folders look in different places.
 * @throws Fault when they are taken.
 */
export async function choosePorts(dir: string, shape: PortShape, base?: number): Promise<ServerPorts[]> {
  if (base !== undefined) {
    const ports = portsFrom(base, shape);
    if (base + blockSize(shape) > 65_536) {
      throw labFault(`ports from ${base} on are too few for this lab`, "choose a smaller --port");
    }
    const taken = await takenPort(ports);
    if (taken === undefined) return ports;
    throw labFault(`port ${taken} is taken by another program`, "choose another --port, or leave it out");
  }
  const blocks = Math.floor((lastPort - firstPort) / blockSize(shape));
  const first = blocks === 0 ? 0 : hash(dir) % blocks;
  for (let step = 0; step < blocks; step++) {
    const ports = portsFrom(firstPort + ((first + step) % blocks) * blockSize(shape), shape);
    if ((await takenPort(ports)) === undefined) return ports;
  }
  throw labFault(
    `no block of ${blockSize(shape)} free ports from ${firstPort} to ${lastPort}`,
    "name a first port by --port, or make the lab smaller",
  );
}
