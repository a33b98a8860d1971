/**
 * Addresses behind Intel's Volume Management Device. SPDK makes the domain of a drive of its VMD's bus, device
 * and function: "5d0505:01:00.0" is behind "0000:5d:05.5".
 */

/** Domain of what is behind a VMD: "0000:5d:05.5" -> "5d0505", "0000:0a:05.5" -> "a0505". */
export function backingDomain(vmdAddress: string): string {
  const parts = /^[0-9a-f]+:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(vmdAddress);
  if (parts === null) return "";
  const [bus = 0, device = 0, func = 0] = parts.slice(1).map((digits) => Number.parseInt(digits, 16));
  return ((bus << 16) | (device << 8) | func).toString(16).padStart(4, "0");
}

/**
 * The VMD that an address is behind, or undefined when it is an address of its own. The kernel's vmd driver
 * counts domains from 0x10000 instead; a VMD is never device 0 of its bus, so those are told apart.
 */
export function vmdOfBacking(address: string): string | undefined {
  const domain = Number.parseInt(address.split(":")[0] ?? "", 16);
  const bus = domain >>> 16;
  const device = (domain >>> 8) & 0xff;
  const func = domain & 0xff;
  if (!(domain > 0xffff) || bus > 0xff || device === 0 || device > 0x1f || func > 7) return undefined;
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  return `0000:${hex(bus)}:${hex(device)}.${func}`;
}
