import {
  actionName,
  type CheckedPool,
  type CheckPolicies,
  checkedPools,
  checkFlagsText,
  className,
  isInteractive,
  repairChoices,
  resolution,
} from "../../../client/check.ts";
import { plural } from "../../../client/words.ts";
import {
  CheckInconsistAction,
  CheckInconsistClass,
  CheckInstStatus,
  CheckPoolStatus,
  type CheckReport,
  CheckScanPhase,
} from "../../../gen/chk/chk_pb.ts";
import type { CheckQueryResp } from "../../../gen/mgmt/check_pb.ts";
import type { Json } from "../../../ui/json.ts";
import { formatTable, type Row } from "../../../ui/table.ts";
import { listOrNull } from "./common.ts";
import { localTime } from "./time.ts";

export function policiesDocument({ flags, policies }: CheckPolicies): Json {
  return {
    checker_flags: checkFlagsText(flags),
    policies: listOrNull(policies.map((policy) => `${className(policy.class)}:${actionName(policy.action)}`)),
  };
}

export function policiesText({ flags, policies }: CheckPolicies): string {
  const rows = policies.map((policy) => ({
    "Inconsistency Class": className(policy.class),
    "Repair Action": actionName(policy.action),
  }));
  return `Checker flags: ${checkFlagsText(flags)}\n\n${formatTable(["Inconsistency Class", "Repair Action"], rows)}`;
}

function statusName(status: CheckInstStatus): string {
  return (CheckInstStatus[status] ?? `${status}`).replace(/^CIS_/, "");
}

function phaseName(phase: CheckScanPhase): string {
  return (CheckScanPhase[phase] ?? `${phase}`).replace(/^CSP_/, "");
}

export function checkQueryDocument(answer: CheckQueryResp): Json {
  const pools = checkedPools(answer.pools).map((pool): [string, Json] => [
    pool.uuid,
    {
      uuid: pool.uuid,
      label: "",
      status: CheckPoolStatus[pool.status] ?? `${pool.status}`,
      phase: CheckScanPhase[pool.phase] ?? `${pool.phase}`,
      rank_count: pool.rankCount,
      start_time: localTime(pool.startSeconds),
      remaining: pool.remainingSeconds,
      elapsed: pool.elapsedSeconds,
    },
  ]);
  return {
    start_time: localTime(answer.time?.startTime ?? 0n),
    status: statusName(answer.insStatus),
    scan_phase: phaseName(answer.insPhase),
    pools: new Map(pools),
    reports: listOrNull(answer.reports.map(reportDocument)),
  };
}

/** Fields with nothing in them are left out, as in 2.6. */
function reportDocument(report: CheckReport): Json {
  const some = <T extends Json>(value: T) => (value ? value : undefined);
  const list = <T extends Json>(values: readonly T[]) => (values.length > 0 ? values : undefined);
  return {
    seq: some(report.seq),
    class: some(report.class),
    action: some(report.action),
    result: some(report.result),
    rank: some(report.rank),
    target: some(report.target),
    pool_uuid: some(report.poolUuid),
    pool_label: some(report.poolLabel),
    cont_uuid: some(report.contUuid),
    cont_label: some(report.contLabel),
    objid: some(report.objid),
    dkey: some(report.dkey),
    akey: some(report.akey),
    timestamp: some(report.timestamp),
    msg: some(report.msg),
    act_choices: list(report.actChoices),
    act_details: list(report.actDetails),
    act_msgs: list(report.actMsgs),
  };
}

const phaseDescriptions: Readonly<Record<number, string>> = {
  [CheckScanPhase.CSP_PREPARE]: "Preparing check engine",
  [CheckScanPhase.CSP_POOL_LIST]: "Comparing pool list on MS and storage nodes",
  [CheckScanPhase.CSP_POOL_MBS]: "Comparing pool membership on MS and storage nodes",
  [CheckScanPhase.CSP_POOL_CLEANUP]: "Cleaning up pool entries",
  [CheckScanPhase.CSP_CONT_LIST]: "Comparing container list on PS and storage nodes",
  [CheckScanPhase.CSP_CONT_CLEANUP]: "Cleaning up container entries",
  [CheckScanPhase.CSP_DTX_RESYNC]: "DTX resync and cleanup",
  [CheckScanPhase.CSP_OBJ_SCRUB]: "Scrubbing objects",
  [CheckScanPhase.CSP_REBUILD]: "Rebuilding objects",
  [CheckScanPhase.CSP_AGGREGATION]: "EC and VOS aggregation",
  [CheckScanPhase.CSP_DONE]: "Check completed",
};

export function checkQueryText(answer: CheckQueryResp, options: { readonly verbose: boolean }): string {
  const pools = checkedPools(answer.pools);
  const running = answer.insStatus === CheckInstStatus.CIS_RUNNING;
  const since = running ? ` (started at: ${localTime(answer.time?.startTime ?? 0n)})` : "";
  const phase = phaseName(answer.insPhase);
  const lines = [
    "DAOS System Checker Info",
    `  Current status: ${statusName(answer.insStatus)}${since}`,
    `  Current phase: ${phase} (${phaseDescriptions[answer.insPhase] ?? `Unknown (${phase})`})`,
  ];
  const poolCount = poolsInResults(pools, answer.reports);
  const action = answer.insStatus === CheckInstStatus.CIS_COMPLETED ? "Checked" : "Checking";
  if (poolCount > 0) lines.push(`  ${action} ${plural(poolCount, "pool")}`);
  if (options.verbose && pools.length > 0) {
    lines.push("", "Per-Pool Checker Info:", ...pools.map((pool) => `  ${poolLine(pool)}`));
  }
  lines.push("");
  if (answer.reports.length === 0) return `${lines.join("\n")}\nNo reports to display.`;
  lines.push("Inconsistency Reports:");
  const reports = options.verbose ? verboseReports(answer.reports) : reportTables(answer.reports);
  return `${lines.join("\n")}\n${reports}`;
}

/** Pools that were looked at, those that exist on one side only included. */
function poolsInResults(pools: readonly CheckedPool[], reports: readonly CheckReport[]): number {
  const uuids = new Set(
    pools.filter(({ status }) => status !== CheckPoolStatus.CPS_UNCHECKED).map(({ uuid }) => uuid),
  );
  for (const report of reports) {
    const removed =
      report.action === CheckInconsistAction.CIA_DISCARD &&
      (report.class === CheckInconsistClass.CIC_POOL_NONEXIST_ON_ENGINE ||
        report.class === CheckInconsistClass.CIC_POOL_NONEXIST_ON_MS);
    if (removed && report.poolUuid !== "") uuids.add(report.poolUuid);
  }
  return uuids.size;
}

function poolLine(pool: CheckedPool): string {
  const status = CheckPoolStatus[pool.status] ?? `${pool.status}`;
  const phase = CheckScanPhase[pool.phase] ?? `${pool.phase}`;
  let time = "";
  if (pool.startSeconds > 0n) {
    time = `, started: ${localTime(pool.startSeconds)}`;
    if (pool.elapsedSeconds > 0n) time += ` elapsed: ${pool.elapsedSeconds}s`;
    else if (pool.remainingSeconds > 0n) time += ` remaining: ${pool.remainingSeconds}s`;
  }
  return `Pool ${pool.uuid}: ${pool.rankCount} ranks, status: ${status}, phase: ${phase}${time}`;
}

function reportId(report: CheckReport): string {
  return `0x${report.seq.toString(16)}`;
}

function namedOrUuid(label: string, uuid: string, verbose: boolean): string {
  if (label === "") return uuid;
  return verbose ? `${label} (${uuid})` : label;
}

/** Findings that are settled, and those that wait for a choice: one line for each choice. */
function reportTables(reports: readonly CheckReport[]): string {
  const resolved = reports.filter((report) => !isInteractive(report));
  const open = reports.filter(isInteractive);
  const head = (report: CheckReport) => ({
    ID: reportId(report),
    Class: className(report.class),
    Pool: namedOrUuid(report.poolLabel, report.poolUuid, false),
    ...(report.contUuid === "" ? {} : { Cont: namedOrUuid(report.contLabel, report.contUuid, false) }),
  });
  const resolvedRows = resolved.map((report): Row => ({ ...head(report), Resolution: resolution(report) }));
  const openRows = open.flatMap((report): Row[] => {
    const choices = repairChoices(report).map(({ info }, index) => `${index}: ${info}`);
    if (choices.length === 0) return [head(report)];
    return choices.map((choice, index) =>
      index === 0
        ? { ...head(report), "Repair Options": choice }
        : { ID: "", Class: "", Pool: "", Cont: "", "Repair Options": choice },
    );
  });
  return (
    reportTable("Resolved", "Resolution", resolvedRows) +
    reportTable("Action Required", "Repair Options", openRows)
  );
}

function reportTable(title: string, lastColumn: string, rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const containers = rows.some((row) => row["Cont"]) ? ["Cont"] : [];
  return `- ${title}:\n${formatTable(["ID", "Class", "Pool", ...containers, lastColumn], rows)}\n`;
}

function verboseReports(reports: readonly CheckReport[]): string {
  return reports
    .map((report) => {
      const lines = [
        `ID:         ${reportId(report)}`,
        `Class:      ${className(report.class)}`,
        `Message:    ${report.msg}`,
        `Pool:       ${namedOrUuid(report.poolLabel, report.poolUuid, true)}`,
      ];
      if (report.contUuid !== "") {
        lines.push(`Container:  ${namedOrUuid(report.contLabel, report.contUuid, true)}`);
      }
      if (isInteractive(report)) {
        lines.push("Potential resolution actions:");
        repairChoices(report).forEach(({ info }, index) => {
          lines.push(`  ${index}: ${info}`);
        });
      } else {
        lines.push(`Resolution: ${resolution(report)}`);
      }
      return `${lines.map((line) => `  ${line}`).join("\n")}\n`;
    })
    .join("\n");
}
