/** Reading of parsed arguments, and of the values that several commands take. */
import { parseHostSet } from "../../client/hostset.ts";
import { isValidLabel, parseUuid } from "../../system/labels.ts";
import { nilRank, parseRanks } from "../../system/ranks.ts";

/** Values by long name, as the command-line parser gives them. */
export type Arguments = Readonly<Record<string, unknown>>;

export function flag(args: Arguments, name: string): boolean {
  return args[name] === true;
}

/** The value of an option, or undefined when it was not given. */
export function text(args: Arguments, name: string): string | undefined {
  const value = args[name];
  return typeof value === "string" ? value : undefined;
}

/** A whole number of at most 32 bits. @throws Error naming the option. */
export function uint32(args: Arguments, name: string): number | undefined {
  const value = text(args, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,10}$/.test(value) || Number(value) > 0xffff_ffff) {
    throw new Error(`invalid argument for flag "--${name}": "${value}" is not a number from 0 to 4294967295`);
  }
  return Number(value);
}

export function int32(args: Arguments, name: string): number | undefined {
  const value = text(args, name);
  if (value === undefined) return undefined;
  if (!/^-?\d{1,10}$/.test(value) || Math.abs(Number(value)) > 0x7fff_ffff) {
    throw new Error(`invalid argument for flag "--${name}": "${value}" is not a number`);
  }
  return Number(value);
}

/** Of an option that must be there; the parser has seen to that. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the required flag "--${name}" was not specified`);
  return value;
}

/** `--ranks` and `--rank-hosts`: at most one of them. */
export function rankSelection(args: Arguments): { ranks: number[]; hosts: string[] } {
  const ranks = parseRanks(text(args, "ranks") ?? "");
  const hosts = parseHostSet(text(args, "rank-hosts") ?? "");
  if (ranks.length > 0 && hosts.length > 0) {
    throw new Error("--ranks and --rank-hosts options cannot be set together");
  }
  return { ranks, hosts };
}

/** `--rank` of storage queries; nilRank: all. */
export function rankOrAll(args: Arguments): number {
  return uint32(args, "rank") ?? nilRank;
}

/** A pool by label or UUID. @throws Error when it can be neither. */
export function poolId(value: string): string {
  const uuid = parseUuid(value);
  if (uuid !== undefined) return uuid;
  if (!isValidLabel(value)) throw new Error(`invalid label "${value}"`);
  return value;
}

/** `1,2,3`: indexes of targets. Empty text is an empty list. */
export function numberList(value: string): number[] {
  if (value.trim() === "") return [];
  return value.split(",").map((piece) => {
    if (!/^\s*\d{1,10}\s*$/.test(piece)) {
      throw new Error(`unable to parse "${value}": must be a comma-separated list of numbers`);
    }
    return Number(piece);
  });
}

/** "--size may not be mixed with --scm-size or --nvme-size". */
export function incompatibleFlags(name: string, ...others: string[]): Error {
  return new Error(`--${name} may not be mixed with --${others.join(" or --")}`);
}

/** A user or group as "name@" or "name@domain"; a bare name gets its "@". @throws Error */
export function principal(value: string): string {
  const whole = value.includes("@") ? value : `${value}@`;
  if (whole.length > 255 || !/^[^@]+@[^@]*$/.test(whole)) throw new Error(`invalid ACL principal "${value}"`);
  return whole;
}

const durationUnitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `30s`, `5m`, `1h`, `500ms`; a bare number is seconds. Undefined stays undefined. @throws Error */
export function parseDuration(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(value.trim());
  const durationMs = match ? Number(match[1]) * durationUnitMs[match[2] ?? "s"]! : 0;
  if (!(durationMs > 0)) throw new Error(`invalid duration "${value}" (30s, 5m, 1h)`);
  return durationMs;
}
