import type { LocatedProblem } from "../../src/config/problem.ts";
import { parseServerConfig, type ReadServerConfig } from "../../src/config/server.ts";
import { checkReadConfig } from "../../src/config/server-check.ts";

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function readServer(text: string): ReadServerConfig {
  return parseServerConfig(bytes(text), "daos_server.yml");
}

/** Everything wrong with a file, as the validate command finds it. */
export function problemsOf(text: string): LocatedProblem[] {
  return checkReadConfig(readServer(text), {}).problems;
}

/** Problems as "code@key", for short comparisons. */
export function codes(text: string): string[] {
  return problemsOf(text).map(({ fault, key }) => `${fault.code}@${key}`);
}

/** A valid file with one engine whose keys (six spaces deep in tiers) the caller may change. */
export function oneEngine(change: (text: string) => string = (text) => text): string {
  return change(`access_points: [node1]
provider: ofi+tcp
engines:
- targets: 8
  fabric_iface: eth0
  fabric_iface_port: 31316
  storage:
  - class: ram
    scm_mount: /mnt/daos0
`);
}

/** A valid file with two engines that share nothing. */
export function twoEngines(change: (text: string) => string = (text) => text): string {
  return change(`access_points: [node1]
provider: ofi+tcp
engines:
- targets: 8
  nr_xs_helpers: 2
  fabric_iface: ib0
  fabric_iface_port: 31316
  log_file: /tmp/engine.0.log
  storage:
  - class: dcpm
    scm_mount: /mnt/daos0
    scm_list: [/dev/pmem0]
  - class: nvme
    bdev_list: ["0000:81:00.0"]
- targets: 8
  nr_xs_helpers: 2
  fabric_iface: ib1
  fabric_iface_port: 31416
  log_file: /tmp/engine.1.log
  storage:
  - class: dcpm
    scm_mount: /mnt/daos1
    scm_list: [/dev/pmem1]
  - class: nvme
    bdev_list: ["0000:c1:00.0"]
`);
}

/** One engine on the given `storage` list (as YAML flow), with metadata on SSD prepared for. */
export function withStorage(tiers: string[], metadata = "control_metadata: {path: /meta}\n"): string {
  return `${metadata}access_points: [node1]
provider: ofi+tcp
engines:
- targets: 8
  fabric_iface: eth0
  fabric_iface_port: 31316
  storage: [${tiers.join(", ")}]
`;
}
