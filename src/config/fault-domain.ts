import { lstat } from "node:fs/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import {
  bothFaultPathAndCallback,
  faultCallbackBadPermissions,
  faultCallbackEmpty,
  faultCallbackFailed,
  faultCallbackInsecure,
  faultCallbackNotFound,
  faultDomainInvalid,
  faultDomainTooDeep,
} from "../faults/config.ts";
import { errorText, type Fault } from "../faults/fault.ts";
import { configDir } from "./defaults.ts";
import type { ServerConfig } from "./types.ts";

/** Levels below the root that 2.6 lets a server have: group and host. */
const maximumLevels = 2;
const callbackTimeoutMs = 60_000;
const setuidBit = 0o4000;
const writableByOthers = 0o022;

/** The levels of "/rack1/node7", trimmed and in lower case; undefined for a text that is no fault domain. */
function parseLevels(text: string): string[] | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === "/") return [];
  if (!trimmed.startsWith("/")) return undefined;
  const levels = trimmed
    .slice(1)
    .split("/")
    .map((level) => level.trim().toLowerCase());
  return levels.includes("") ? undefined : levels;
}

/** What is wrong with a `fault_path`, or undefined. */
export function checkFaultPath(text: string): Fault | undefined {
  const levels = parseLevels(text);
  if (levels === undefined || levels.length === 0) return faultDomainInvalid(text);
  return levels.length > maximumLevels ? faultDomainTooDeep(text) : undefined;
}

function canonical(text: string): string {
  const fault = checkFaultPath(text);
  if (fault !== undefined) throw fault;
  return `/${(parseLevels(text) ?? []).join("/")}`;
}

/**
 * The fault domain of this server: `fault_path`, else what the script `fault_cb` prints, else the host's
 * name; in canonical form ("/rack1/node7").
 * @param requiredDir the folder that a script has to lie in.
 * @throws Fault 717 to 724.
 */
export async function serverFaultDomain(
  config: Pick<ServerConfig, "faultPath" | "faultCb">,
  requiredDir = configDir,
): Promise<string> {
  if (config.faultPath !== undefined && config.faultCb !== undefined) throw bothFaultPathAndCallback();
  if (config.faultPath !== undefined) return canonical(config.faultPath);
  if (config.faultCb !== undefined) return canonical(await callbackOutput(config.faultCb, requiredDir));
  return canonical(`/${hostname()}`);
}

/** A script of the administrator's, run with the server's rights: it may be nothing that others can change. */
async function checkCallback(path: string, requiredDir: string): Promise<void> {
  const directory = resolve(requiredDir);
  if (!resolve(path).startsWith(`${directory}/`)) throw faultCallbackInsecure(path, directory);
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "EACCES" ? faultCallbackBadPermissions(path) : faultCallbackNotFound(path);
  });
  if (stats.isSymbolicLink() || (stats.mode & setuidBit) !== 0 || (stats.mode & writableByOthers) !== 0) {
    throw faultCallbackInsecure(path, directory);
  }
}

async function callbackOutput(path: string, requiredDir: string): Promise<string> {
  await checkCallback(path, requiredDir);
  const run = startCallback(path);
  const [output, complaint, exitCode] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ]);
  if (exitCode !== 0) {
    const end = run.signalCode === null ? `exit status ${exitCode}` : `signal ${run.signalCode}`;
    throw faultCallbackFailed(complaint.trim() === "" ? end : `${end}: ${complaint.trim().split("\n")[0]}`);
  }
  if (output.trim() === "") throw faultCallbackEmpty(path);
  return output.trim();
}

function startCallback(path: string) {
  try {
    return Bun.spawn([path], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: callbackTimeoutMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") throw faultCallbackBadPermissions(path);
    throw faultCallbackFailed(errorText(error));
  }
}
