/** What dmg itself can tell: outputs of commands, kept in files as 2.6 names them. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { DmgClient } from "../../../client/context.ts";
import { hostWithoutPort } from "../../../client/hostset.ts";
import { SELF_ARGV0, selfCommand } from "../../../helper/self.ts";
import { flag, text } from "../arguments.ts";
import type { Session } from "../session.ts";

const systemFolder = "DmgSystemLogs";
const nodeFolder = "DmgNodeLogs";
const commands = [
  "system get-prop",
  "system query",
  "system list-pools",
  "system leader-query",
  "system get-attr",
  "network scan",
  "storage scan",
  "storage scan -n",
  "storage query list-pools -v",
  "storage query usage",
] as const;

/** @throws Error with what dmg said when the system cannot be asked */
export async function collectSystemQuery(session: Session, folder: string): Promise<void> {
  await keepOutput(session, path.join(folder, systemFolder), "system query");
}

/** System-wide outputs, and for each host its devices and their health. */
export async function collectDmgOutputs(session: Session, client: DmgClient, folder: string): Promise<void> {
  const problems: string[] = [];
  const keep = async (target: string, command: string): Promise<string> => {
    try {
      return await keepOutput(session, target, command);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      return "";
    }
  };
  for (const command of commands) await keep(path.join(folder, systemFolder), command);
  for (const address of client.hosts) {
    const target = path.join(folder, hostWithoutPort(address), nodeFolder);
    const devices = await keep(target, `storage query list-devices -l ${address}`);
    for (const [, uuid] of devices.matchAll(/UUID:([0-9a-f-]{36})/g)) {
      await keep(target, `storage query list-devices --health -u ${uuid} -l ${address}`);
    }
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
}

async function keepOutput(session: Session, folder: string, command: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const words = [...selfCommand(), "dmg", ...sameOptions(session), ...command.split(" ")];
  const child = Bun.spawn(words, {
    argv0: SELF_ARGV0,
    stdout: "pipe",
    stderr: "pipe",
    signal: session.signal,
  });
  const [output, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const name = `dmg ${command}`.replaceAll(" -", "_").replaceAll(" ", "_");
  await writeFile(path.join(folder, name), output + errors, { mode: 0o644 });
  if (status !== 0) throw new Error(`dmg ${command}: ${errors.trim()}`);
  return output;
}

/** The system this command was pointed at. */
function sameOptions({ args, json }: Session): string[] {
  const config = text(args, "config-path");
  return [
    ...(config === undefined ? [] : ["-o", config]),
    ...(flag(args, "insecure") ? ["-i"] : []),
    ...(json ? ["-j"] : []),
  ];
}
