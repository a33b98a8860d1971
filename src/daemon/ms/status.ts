import { exists } from "../../files/exists.ts";
import type { ReplicaStateResp } from "../../gen/replica/replica_pb.ts";
import { backupFolder, newestBackup } from "../../store/backup.ts";
import { hasEtcdData } from "../../store/etcd/replica.ts";
import { pendingReplacement, readGeneration } from "../../store/generation.ts";
import { sqlitePath } from "../../store/sqlite-file.ts";
import { askAll, type MsTarget } from "./target.ts";

/** How one replica is, as far as it can be known from here. */
export interface ReplicaStatus {
  readonly addr: string;
  readonly local: boolean;
  /** "leader", "follower", "learner", "starting", "no quorum", "none", "unreachable". */
  readonly role: string;
  readonly problem: string;
  readonly term: bigint;
  readonly dataVersion: bigint;
  /** Entries of the log that the leader has and this one has not applied. */
  readonly lag: bigint;
  readonly dbSizeBytes: bigint;
  readonly dbInUseBytes: bigint;
  readonly dbVersion: string;
  readonly version: string;
  readonly generation: number;
  readonly leadershipsGained: number;
  readonly leadershipsLost: number;
  readonly lastBackup: string;
}

export interface MsStatus {
  readonly system: string;
  readonly leader: string;
  /** A majority of the members is there and one leads. */
  readonly quorum: boolean;
  readonly replicas: readonly ReplicaStatus[];
  /** What is on the disk of this host, whether its server runs or not. */
  readonly disk: {
    readonly dir: string;
    readonly database: "none" | "single" | "cluster";
    readonly generation: number;
    readonly newestBackup: string;
    /** A replacement waits for the server's start; "" when none does. */
    readonly pending: string;
  };
}

export async function msStatus(target: MsTarget): Promise<MsStatus> {
  const { states, problems } = await askAll(target);
  const newest = [...states.values()].reduce(
    (most, { appliedIndex }) => (appliedIndex > most ? appliedIndex : most),
    0n,
  );
  const replicas = target.replicas.map((addr) =>
    replicaStatus(addr, addr === target.self, states.get(addr), problems.get(addr) ?? "", newest),
  );
  const leader = replicas.find(({ role }) => role === "leader");
  const backup = await newestBackup(backupFolder(target.dir));
  const pending = await pendingReplacement(target.dir);
  return {
    system: target.systemName,
    leader: leader?.addr ?? "",
    quorum: leader !== undefined,
    replicas,
    disk: {
      dir: target.dir,
      database: (await hasEtcdData(target.dir))
        ? "cluster"
        : (await exists(sqlitePath(target.dir)))
          ? "single"
          : "none",
      generation: await readGeneration(target.dir),
      newestBackup: backup?.path ?? "",
      pending: pending === undefined ? "" : `${pending.by} at ${pending.at}`,
    },
  };
}

function replicaStatus(
  addr: string,
  local: boolean,
  state: ReplicaStateResp | undefined,
  problem: string,
  newest: bigint,
): ReplicaStatus {
  return {
    addr,
    local,
    role: state?.role ?? "unreachable",
    problem,
    term: state?.term ?? 0n,
    dataVersion: state?.dataVersion ?? 0n,
    lag: state === undefined || state.appliedIndex === 0n ? 0n : newest - state.appliedIndex,
    dbSizeBytes: state?.dbSize ?? 0n,
    dbInUseBytes: state?.dbInUse ?? 0n,
    dbVersion: state?.dbVersion ?? "",
    version: state?.version ?? "",
    generation: Number(state?.generation ?? 0n),
    leadershipsGained: Number(state?.gained ?? 0n),
    leadershipsLost: Number(state?.lost ?? 0n),
    lastBackup: state?.lastBackup ?? "",
  };
}
