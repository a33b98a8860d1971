/**
 * Sets of hosts as administrators write them: `node[01-16,20].ib:10001,10.0.0.[1-3]`. A set is a sorted
 * list of distinct names; text in brackets is only its outer form.
 */

/** Largest distance between the ends of one range (2.6: hostlist.MaxRange). */
export const maxHostRange = 16_384;
/** Largest number of hosts one text may name. */
export const maxHosts = 65_536;

/** A name cut where its number stands: `node` `12` `.ib:10001`. Without a number the prefix is the whole. */
interface HostName {
  readonly prefix: string;
  readonly suffix: string;
  readonly number?: number;
  /** Digits the number is written with, zeros in front included. */
  readonly width: number;
}

/**
 * Hosts named by `text`, sorted and distinct.
 * @throws Error naming the piece that cannot be read.
 */
export function parseHostSet(text: string): string[] {
  const hosts: string[] = [];
  for (const token of splitOutsideBrackets(text)) {
    for (const host of expandToken(token)) {
      checkHostName(host);
      hosts.push(host);
      if (hosts.length > maxHosts) throw new Error(`invalid host list (> ${maxHosts} hosts)`);
    }
  }
  return sortHosts(hosts);
}

/** `hosts` sorted by name, then by number, duplicates removed. */
export function sortHosts(hosts: Iterable<string>): string[] {
  return [...new Set(hosts)]
    .map((host) => ({ host, cut: cutName(host) }))
    .sort((left, right) => compareNames(left.cut, right.cut) || compareText(left.host, right.host))
    .map(({ host }) => host);
}

/** The shortest bracketed text that names `hosts`: `node[1-3,7],other`. Empty for none. */
export function foldHosts(hosts: Iterable<string>): string {
  const pieces: string[] = [];
  let open: HostName | undefined;
  let ranges: NumberRange[] = [];
  const close = () => {
    if (open === undefined) return;
    pieces.push(`${open.prefix}${bracket(ranges)}${open.suffix}`);
    open = undefined;
    ranges = [];
  };
  for (const host of sortHosts(hosts)) {
    const name = cutName(host);
    if (name.number === undefined) {
      close();
      pieces.push(host);
      continue;
    }
    if (open === undefined || open.prefix !== name.prefix || open.suffix !== name.suffix) {
      close();
      open = name;
    }
    addToRanges(ranges, name.number, name.width);
  }
  close();
  return pieces.join(",");
}

/** `host` with `:port` appended unless it has one. @throws Error when the port is no number. */
export function withPort(host: string, port: number): string {
  const parts = host.split(":");
  if (parts.length === 1) return `${host}:${port}`;
  if (parts.length > 2) throw new Error(`invalid host "${host}": host should conform to hostname[:port]`);
  const given = Number(parts[1]);
  if (parts[1] === "" || !Number.isInteger(given) || given < 1 || given > 65_535) {
    throw new Error(`invalid host "${host}": "${parts[1]}" is not a port`);
  }
  return host;
}

/** Control addresses "host:port" for a list of host set texts. */
export function hostAddresses(texts: readonly string[], defaultPort: number): string[] {
  return parseHostSet(texts.join(",")).map((host) => withPort(host, defaultPort));
}

/** `host:port` without its port, for people. */
export function hostWithoutPort(address: string): string {
  const parts = address.split(":");
  return parts.length === 2 ? parts[0]! : address;
}

interface NumberRange {
  low: number;
  high: number;
  width: number;
}

function addToRanges(ranges: NumberRange[], number: number, width: number): void {
  const last = ranges.at(-1);
  if (last && last.high + 1 === number && (last.width === width || isUnpadded(last, number, width))) {
    last.high = number;
    return;
  }
  ranges.push({ low: number, high: number, width });
}

/** 9 and 10 follow each other although one digit becomes two, as neither is padded with zeros. */
function isUnpadded(range: NumberRange, number: number, width: number): boolean {
  return String(range.low).length >= range.width && String(number).length >= width;
}

function bracket(ranges: readonly NumberRange[]): string {
  const texts = ranges.map(({ low, high, width }) => {
    const from = String(low).padStart(width, "0");
    return low === high ? from : `${from}-${String(high).padStart(width, "0")}`;
  });
  const single = ranges.length === 1 && ranges[0]!.low === ranges[0]!.high;
  return single ? texts[0]! : `[${texts.join(",")}]`;
}

const ipName = /^(\d{1,3}\.\d{1,3}\.\d{1,3}\.)(\d{1,3})((?::\d+)?)$/;
const plainName = /^([a-zA-Z]+)(\d+)(.*)$/;
/** A number at the end of the first label of a name with dashes or several numbers: `rack1-node12`. */
const dashedName = /^([a-zA-Z][a-zA-Z0-9_-]*-[a-zA-Z_-]*)(\d+)((?:[.:].*)?)$/;

function cutName(host: string): HostName {
  const match = ipName.exec(host) ?? (host.includes("-") ? dashedName.exec(host) : plainName.exec(host));
  if (!match || match[2]!.length > 15) return { prefix: host, suffix: "", width: 0 };
  return { prefix: match[1]!, number: Number(match[2]), width: match[2]!.length, suffix: match[3]! };
}

function compareNames(left: HostName, right: HostName): number {
  return (
    compareText(left.prefix, right.prefix) ||
    compareText(left.suffix, right.suffix) ||
    (left.number ?? -1) - (right.number ?? -1) ||
    left.width - right.width
  );
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function splitOutsideBrackets(text: string): string[] {
  const tokens: string[] = [];
  let depth = 0;
  let token = "";
  for (const char of text) {
    if (char === "[") depth++;
    else if (char === "]") depth--;
    if (depth < 0 || depth > 1) throw new Error(`invalid range "${text}"`);
    if (depth === 0 && (char === "," || char === " " || char === "\t")) {
      if (token !== "") tokens.push(token);
      token = "";
    } else {
      token += char;
    }
  }
  if (depth !== 0) throw new Error(`invalid range "${text}"`);
  if (token !== "") tokens.push(token);
  return tokens;
}

function expandToken(token: string): string[] {
  const open = token.indexOf("[");
  if (open === -1) return [token];
  if (open === 0) throw new Error(`invalid range: "${token}"`);
  const close = token.indexOf("]", open);
  const numbers = expandRanges(token.slice(open + 1, close));
  const prefix = token.slice(0, open);
  const rest = token.slice(close + 1);
  const tails = rest === "" ? [""] : expandToken(`x${rest}`).map((tail) => tail.slice(1));
  if (numbers.length * tails.length > maxHosts) throw new Error(`invalid host list (> ${maxHosts} hosts)`);
  return numbers.flatMap((number) => tails.map((tail) => `${prefix}${number}${tail}`));
}

function expandRanges(text: string): string[] {
  const numbers: string[] = [];
  for (const piece of text.split(",")) {
    const { low, high, width } = parseRange(piece);
    for (let number = low; number <= high; number++) numbers.push(String(number).padStart(width, "0"));
    if (numbers.length > maxHosts) throw new Error(`invalid host list (> ${maxHosts} hosts)`);
  }
  return numbers;
}

/** One `low[-high]`; `width` is the number of digits `low` is written with. @throws Error */
export function parseRange(text: string): NumberRange {
  const ends = text.split("-").map((end) => end.trim());
  if (ends.length > 2) throw new Error(`invalid range: "${text}"`);
  for (const end of ends) {
    if (!/^\d{1,15}$/.test(end)) throw new Error(`invalid range "${text}" ("${end}" is not uint)`);
  }
  const low = Number(ends[0]);
  const high = ends.length === 2 ? Number(ends[1]) : low;
  if (high < low) throw new Error(`invalid range "${text}" (${high} < ${low})`);
  if (high - low > maxHostRange) throw new Error(`invalid range "${text}" (> ${maxHostRange} hosts)`);
  return { low, high, width: ends[0]!.length };
}

function checkHostName(host: string): void {
  if (/^[a-zA-Z][a-zA-Z0-9._-]*(?::\d+)?$/.test(host) || ipName.test(host)) return;
  // Numbers in front are legal in names too, as long as a letter or dash says it is a name.
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]*[a-zA-Z-][a-zA-Z0-9._-]*(?::\d+)?$/.test(host)) return;
  throw new Error(`invalid hostname "${host}"`);
}
