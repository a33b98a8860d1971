import { spawnSync } from "node:child_process";

/** Hosts of a small network: a namespace each, all on one bridge, and one more for clients. */
export interface Network {
  /** Address of host `index`; the client's is that of index `size`. */
  ip(index: number): string;
  /** Words before a command that is to run on that host. */
  on(index: number): string[];
  /** Packets of `from` to `to` vanish from now on. */
  cut(from: number, to: number): void;
  /** They arrive again. */
  mend(from: number, to: number): void;
  /** Ends all cuts. */
  mendAll(): void;
  close(): void;
}

function ip(...args: string[]): void {
  const done = spawnSync("ip", args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`ip ${args.join(" ")}: ${done.stderr}`);
}

let made = 0;

/**
 * Makes the network; needs root. A packet is made to vanish by giving its receiver a hardware address that nobody
 * has: without a word to the sender, and in one direction only.
 */
export function createNetwork(size: number): Network {
  const prefix = `dc${process.pid.toString(36)}${(made++).toString(36)}`;
  const hub = `${prefix}h`;
  const host = (index: number): string => `${prefix}-${index}`;
  const address = (index: number): string => `10.77.0.${index + 1}`;
  const hardware = (index: number): string => `02:77:00:00:00:${(index + 1).toString(16).padStart(2, "0")}`;
  const nobody = "02:77:00:00:ff:ff";
  const all = Array.from({ length: size + 1 }, (_, index) => index);
  const made_: string[] = [];
  const cuts = new Set<string>();

  const neighbour = (from: number, to: number, mac: string): void => {
    ip("-n", host(from), "neigh", "replace", address(to), "lladdr", mac, "dev", "eth0", "nud", "permanent");
  };
  const close = (): void => {
    for (const name of made_.splice(0)) spawnSync("ip", ["netns", "del", name]);
  };
  try {
    const add = (name: string): void => {
      ip("netns", "add", name);
      made_.push(name);
      ip("-n", name, "link", "set", "lo", "up");
    };
    add(hub);
    ip("-n", hub, "link", "add", "br0", "type", "bridge");
    ip("-n", hub, "link", "set", "br0", "up");
    for (const index of all) {
      add(host(index));
      ip(
        "link",
        "add",
        "eth0",
        "netns",
        host(index),
        "type",
        "veth",
        "peer",
        "name",
        `p${index}`,
        "netns",
        hub,
      );
      ip("-n", hub, "link", "set", `p${index}`, "master", "br0", "up");
      ip("-n", host(index), "link", "set", "eth0", "address", hardware(index), "up");
      ip("-n", host(index), "addr", "add", `${address(index)}/24`, "dev", "eth0");
    }
    for (const from of all) for (const to of all) if (from !== to) neighbour(from, to, hardware(to));
  } catch (error) {
    close();
    throw error;
  }
  return {
    ip: address,
    on: (index) => ["ip", "netns", "exec", host(index)],
    cut(from, to) {
      neighbour(from, to, nobody);
      cuts.add(`${from}>${to}`);
    },
    mend(from, to) {
      neighbour(from, to, hardware(to));
      cuts.delete(`${from}>${to}`);
    },
    mendAll() {
      for (const cut of [...cuts]) {
        const [from, to] = cut.split(">").map(Number);
        this.mend(from!, to!);
      }
    },
    close,
  };
}
