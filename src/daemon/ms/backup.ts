import { isConnectionError } from "../../client/connection-errors.ts";
import { callUnary } from "../../client/transport.ts";
import { ReplicaSvc } from "../../gen/replica/replica_pb.ts";
import { type BackupInfo, backupFolder, readBackup, writeBackup } from "../../store/backup.ts";
import { readOffline } from "../../store/offline.ts";
import { type DatabaseSummary, summaryOf } from "./replace.ts";
import { type MsTarget, msFault } from "./target.ts";

export interface BackupMade {
  readonly path: string;
  readonly sizeBytes: number;
  readonly members: number;
  readonly pools: number;
  readonly dataVersion: bigint;
  /** The server was asked: the backup is of one committed moment of the whole system. */
  readonly online: boolean;
}

const timeoutMs = 60_000;
/** Backups asked for by hand are not the ones that are thinned out, but some bound there must be. */
const keptByHand = 100;

/**
 * Has the server of this host write a backup; where it does not run, writes one of what lies on the disk.
 * @throws UnavailableError without a quorum; Fault 600 when there is nothing
 */
export async function makeBackup(target: MsTarget & { readonly self: string }): Promise<BackupMade> {
  try {
    const answer = await callUnary(
      ReplicaSvc.method.replicaBackup,
      target.self,
      { sys: target.sys },
      { security: target.security, component: "server", timeoutMs },
    );
    const { path, size, members, pools, dataVersion } = answer;
    return {
      path,
      sizeBytes: Number(size),
      members: Number(members),
      pools: Number(pools),
      dataVersion,
      online: true,
    };
  } catch (error) {
    if (!isConnectionError(error)) throw error;
  }
  const found = await readOffline(target.dir, target.systemName, target.log);
  if (found === undefined) throw msFault(`there is no database in ${target.dir}`, "run it on a replica");
  const options = { system: target.systemName, now: new Date(), keep: keptByHand };
  return { ...(await writeBackup(backupFolder(target.dir), found.records, options)), online: false };
}

/** Reads a backup, checks it, and says what is in it. @throws Fault 600 when it is damaged */
export async function checkBackup(
  path: string,
): Promise<Omit<BackupInfo, "members" | "pools"> & DatabaseSummary> {
  const backup = await readBackup(path);
  const { path: file, system, createdAt, sizeBytes, records } = backup;
  return { path: file, system, createdAt, sizeBytes, ...summaryOf(records) };
}
