/**
 * PCI addresses as the files hold them, "0000:81:00.0", and with a domain of six digits for a device
 * behind a VMD ("5d0505:01:00.0": VMD 0000:5d:05.5).
 */
export interface PciAddress {
  /** Up to 4 digits for a device of its own, 6 for one behind a VMD. */
  readonly domain: number;
  readonly bus: number;
  readonly device: number;
  readonly function: number;
}

const addressForm = /^([0-9a-fA-F]{4,6}):([0-9a-fA-F]{2}):([0-9a-fA-F]{1,2})\.([0-9a-fA-F]{1,2})$/;

/** undefined when `text` is no PCI address. */
export function parsePciAddress(text: string): PciAddress | undefined {
  const form = addressForm.exec(text);
  if (form === null) return undefined;
  const [domain, bus, device, fn] = form.slice(1).map((digits) => Number.parseInt(digits, 16));
  return { domain: domain ?? 0, bus: bus ?? 0, device: device ?? 0, function: fn ?? 0 };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Canonical text: lower case, function without padding. */
export function formatPciAddress(address: PciAddress): string {
  const domain = hex(address.domain, address.domain > 0xffff ? 6 : 4);
  return `${domain}:${hex(address.bus, 2)}:${hex(address.device, 2)}.${hex(address.function, 1)}`;
}

/** Rising domain, bus, device, function. */
export function comparePciAddresses(a: PciAddress, b: PciAddress): number {
  return a.domain - b.domain || a.bus - b.bus || a.device - b.device || a.function - b.function;
}

/** Three parts between colons: meant as a PCI address, whatever is in them. */
export function looksLikePciAddress(text: string): boolean {
  const parts = text.split(":");
  const [domain, bus, rest] = parts;
  if (parts.length !== 3 || domain === undefined || bus === undefined || rest === undefined) return false;
  return (domain.length === 4 || domain.length === 6) && bus.length === 2 && rest.length >= 2;
}

/** Bus numbers of a range such as "0x80-0x8f" or "128-143"; undefined for "" (all); a text says what is wrong. */
export function parseBusRange(text: string): { low: number; high: number } | string | undefined {
  if (text === "") return undefined;
  const ends = text.split("-");
  const [low, high] = ends.map(parseBus);
  if (ends.length !== 2)
    return `invalid busid range "${text}": two bus numbers with a dash between them are wanted`;
  if (low === undefined || high === undefined)
    return `invalid busid range "${text}": bus numbers go from 0 to 255 (0xff)`;
  if (low > high) return `invalid busid range "${text}": it ends before it begins`;
  return { low, high };
}

function parseBus(text: string): number | undefined {
  if (!/^(0[xX][0-9a-fA-F]+|[1-9][0-9]*|0[0-7]*)$/.test(text)) return undefined;
  const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  return value <= 0xff ? value : undefined;
}

export function formatBusRange(range: { low: number; high: number }): string {
  return `0x${hex(range.low, 2)}-0x${hex(range.high, 2)}`;
}
