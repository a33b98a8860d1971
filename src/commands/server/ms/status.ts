import { defineCommand } from "citty";
import type { MsStatus, ReplicaStatus } from "../../../daemon/ms/status.ts";
import { printJson } from "../../../ui/json.ts";
import { formatTable } from "../../../ui/table.ts";
import { msOptions } from "./options.ts";

export const command = defineCommand({
  meta: { name: "status", description: "Show how each replica of the management service is" },
  args: { ...msOptions },
  async run({ args }) {
    const { openTarget } = await import("../../../daemon/ms/target.ts");
    const { msStatus } = await import("../../../daemon/ms/status.ts");
    const status = await msStatus(await openTarget(args.config));
    if ((args as Record<string, unknown>)["json"] === true) printJson(json(status));
    else console.log(words(status));
    if (!status.quorum) process.exitCode = 1;
  },
});

function json(status: MsStatus) {
  return {
    system: status.system,
    leader: status.leader,
    quorum: status.quorum,
    replicas: status.replicas.map((replica) => ({
      addr: replica.addr,
      local: replica.local,
      role: replica.role,
      problem: replica.problem,
      term: replica.term,
      data_version: replica.dataVersion,
      lag: replica.lag,
      db_size: replica.dbSizeBytes,
      db_in_use: replica.dbInUseBytes,
      db_version: replica.dbVersion,
      version: replica.version,
      generation: replica.generation,
      leaderships_gained: replica.leadershipsGained,
      leaderships_lost: replica.leadershipsLost,
      last_backup: replica.lastBackup,
    })),
    disk: {
      dir: status.disk.dir,
      database: status.disk.database,
      generation: status.disk.generation,
      newest_backup: status.disk.newestBackup,
      pending: status.disk.pending,
    },
  };
}

function size(bytes: bigint): string {
  if (bytes === 0n) return "-";
  const kib = Number(bytes) / 1024;
  return kib < 1024 ? `${kib.toFixed(0)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

function row(replica: ReplicaStatus): Record<string, string> {
  return {
    Replica: `${replica.addr}${replica.local ? " (local)" : ""}`,
    Role: replica.role,
    Version: replica.dataVersion === 0n ? "-" : String(replica.dataVersion),
    Lag: replica.dbSizeBytes === 0n ? "-" : String(replica.lag),
    Size: size(replica.dbSizeBytes),
    Database: replica.dbVersion || "-",
    "Last backup": replica.lastBackup || "-",
  };
}

function words(status: MsStatus): string {
  const { disk } = status;
  const kinds = { none: "none", single: "that of a single replica", cluster: "a member of several replicas" };
  return [
    `DAOS Management Service of system ${status.system}: ${status.quorum ? `led by ${status.leader}` : "NO LEADER"}`,
    formatTable(
      ["Replica", "Role", "Version", "Lag", "Size", "Database", "Last backup"],
      status.replicas.map(row),
    ).trimEnd(),
    ...status.replicas
      .filter(({ problem }) => problem !== "")
      .map(({ addr, problem }) => `${addr}: ${problem}`),
    `On this host: ${kinds[disk.database]} in ${disk.dir}, generation ${disk.generation}`,
    ...(disk.newestBackup === "" ? [] : [`Newest backup: ${disk.newestBackup}`]),
    ...(disk.pending === "" ? [] : [`Replaced and not started yet: ms ${disk.pending}`]),
  ].join("\n");
}
