import { join } from "node:path";
import { NetDevClass } from "./netdev.ts";
import { listNames, readAttribute, readNumber } from "./sysfs.ts";

/** "coming": it will be ready soon, a subnet manager or a driver is at work on it. */
export type NetDevState = "ready" | "coming" | "down" | "unknown";

/** Whether an interface carries traffic, judged as 2.6 does: InfiniBand by its ports, others by the kernel's word. */
export async function readNetDevState(name: string, sysRoot = "/sys"): Promise<NetDevState> {
  const deviceClass = await readNumber(join(sysRoot, "class/net", name, "type"));
  if (deviceClass === undefined) return "unknown";
  if (deviceClass === NetDevClass.infiniband) return infinibandState(name, sysRoot);
  const state = operState(await readAttribute(join(sysRoot, "class/net", name, "operstate")));
  return deviceClass === NetDevClass.loopback && state === "unknown" ? "ready" : state;
}

/** Words of the kernel's Documentation/networking/operstates. */
function operState(word: string | undefined): NetDevState {
  switch (word) {
    case "up":
      return "ready";
    case "down":
    case "lowerlayerdown":
    case "notpresent":
      return "down";
    case "testing":
    case "dormant":
      return "coming";
    default:
      return "unknown";
  }
}

async function infinibandState(name: string, sysRoot: string): Promise<NetDevState> {
  // A virtual interface (a partition of the fabric) is as good as the one it stands on.
  const parent = await readAttribute(join(sysRoot, "class/net", name, "parent"));
  const virtual = (await listNames(join(sysRoot, "devices/virtual/net"))).includes(name);
  if (virtual && parent !== undefined && parent !== "" && parent !== name) {
    return infinibandState(parent, sysRoot);
  }
  const root = join(sysRoot, "class/net", name, "device/infiniband");
  const states: NetDevState[] = [];
  for (const device of await listNames(root)) {
    for (const port of await listNames(join(root, device, "ports"))) {
      states.push(portState(await readAttribute(join(root, device, "ports", port, "state"))));
    }
  }
  return overall(states);
}

/** "4: ACTIVE". Ports that are active are ready, or will be very soon. */
function portState(text: string | undefined): NetDevState {
  switch (text?.split(":")[0]) {
    case "1":
      return "down";
    case "2": // INIT
    case "3": // ARMED
      return "coming";
    case "4":
      return "ready";
    default:
      return "unknown";
  }
}

/** A port that is coming is waited for, even where another is ready; down is what is down altogether. */
function overall(states: readonly NetDevState[]): NetDevState {
  for (const state of ["coming", "ready", "down"] as const) if (states.includes(state)) return state;
  return "unknown";
}
