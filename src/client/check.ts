/** The system checker: enabling it, its policies, what it finds, and repairs. */
import {
  CheckFlag,
  CheckInconsistAction,
  CheckInconsistClass,
  CheckPoolStatus,
  type CheckReport,
} from "../gen/chk/chk_pb.ts";
import {
  CheckActReqSchema,
  CheckActRespSchema,
  CheckDisableReqSchema,
  CheckEnableReqSchema,
  CheckGetPolicyReqSchema,
  CheckGetPolicyRespSchema,
  type CheckQueryPool,
  CheckQueryReqSchema,
  type CheckQueryResp,
  CheckQueryRespSchema,
  CheckSetPolicyReqSchema,
  CheckStartReqSchema,
  CheckStartRespSchema,
  CheckStopReqSchema,
  CheckStopRespSchema,
} from "../gen/mgmt/check_pb.ts";
import { DaosRespSchema } from "../gen/mgmt/svc_pb.ts";
import type { DmgClient } from "./context.ts";
import { invokeLeader } from "./invoker.ts";
import { unary } from "./unary.ts";

const rpc = {
  enable: unary("mgmt.MgmtSvc", "SystemCheckEnable", CheckEnableReqSchema, DaosRespSchema),
  disable: unary("mgmt.MgmtSvc", "SystemCheckDisable", CheckDisableReqSchema, DaosRespSchema),
  start: unary("mgmt.MgmtSvc", "SystemCheckStart", CheckStartReqSchema, CheckStartRespSchema),
  stop: unary("mgmt.MgmtSvc", "SystemCheckStop", CheckStopReqSchema, CheckStopRespSchema),
  query: unary("mgmt.MgmtSvc", "SystemCheckQuery", CheckQueryReqSchema, CheckQueryRespSchema),
  getPolicy: unary("mgmt.MgmtSvc", "SystemCheckGetPolicy", CheckGetPolicyReqSchema, CheckGetPolicyRespSchema),
  setPolicy: unary("mgmt.MgmtSvc", "SystemCheckSetPolicy", CheckSetPolicyReqSchema, DaosRespSchema),
  repair: unary("mgmt.MgmtSvc", "SystemCheckRepair", CheckActReqSchema, CheckActRespSchema),
};

/** What is to be done about one class of findings. */
export interface CheckPolicy {
  readonly class: CheckInconsistClass;
  readonly action: CheckInconsistAction;
}

/** "POOL_BAD_LABEL" for CIC_POOL_BAD_LABEL. */
export function className(value: CheckInconsistClass): string {
  return (CheckInconsistClass[value] ?? `${value}`).replace(/^CIC_/, "");
}

/** "TRUST_MS" for CIA_TRUST_MS. */
export function actionName(value: CheckInconsistAction): string {
  return (CheckInconsistAction[value] ?? `${value}`).replace(/^CIA_/, "");
}

const enumNumbers = (table: object) =>
  Object.values(table).filter((value): value is number => typeof value === "number");

export const checkClasses: readonly CheckInconsistClass[] = enumNumbers(CheckInconsistClass);
export const checkActions: readonly CheckInconsistAction[] = enumNumbers(CheckInconsistAction);

/** @throws Error for a name that is no class of findings */
export function parseClass(name: string): CheckInconsistClass {
  const found = checkClasses.find((value) => className(value) === name.replace(/^CIC_/, ""));
  if (found === undefined) throw new Error(`invalid inconsistency class "${name}"`);
  return found;
}

/** @throws Error for a name that is no action */
export function parseAction(name: string): CheckInconsistAction {
  const found = checkActions.find((value) => actionName(value) === name.replace(/^CIA_/, ""));
  if (found === undefined) throw new Error(`invalid inconsistency action "${name}"`);
  return found;
}

const flagWords: readonly (readonly [CheckFlag, string])[] = [
  [CheckFlag.CF_DRYRUN, "dry-run"],
  [CheckFlag.CF_RESET, "reset"],
  [CheckFlag.CF_FAILOUT, "failout"],
  [CheckFlag.CF_AUTO, "auto"],
  [CheckFlag.CF_ORPHAN_POOL, "find-pool-orphans"],
  [CheckFlag.CF_NO_FAILOUT, "reset-failout"],
  [CheckFlag.CF_NO_AUTO, "reset-auto"],
];

/** Flags of a check in words, "none" for none. */
export function checkFlagsText(flags: number): string {
  const words = flagWords.filter(([flag]) => (flags & flag) !== 0).map(([, word]) => word);
  return words.length === 0 ? "none" : words.join(",");
}

export async function checkEnable(client: DmgClient): Promise<void> {
  await invokeLeader(rpc.enable, client.hosts, { sys: client.sys }, client);
}

export async function checkDisable(client: DmgClient): Promise<void> {
  await invokeLeader(rpc.disable, client.hosts, { sys: client.sys }, client);
}

export interface CheckStartOptions {
  /** Labels or UUIDs; none: all pools. */
  readonly pools: readonly string[];
  /** Bits of CheckFlag. */
  readonly flags: number;
  readonly policies: readonly CheckPolicy[];
}

export async function checkStart(client: DmgClient, options: CheckStartOptions): Promise<void> {
  const request = {
    sys: client.sys,
    flags: options.flags,
    uuids: [...options.pools],
    policies: options.policies.map(wirePolicy),
  };
  await invokeLeader(rpc.start, client.hosts, request, client);
}

export async function checkStop(client: DmgClient, pools: readonly string[]): Promise<void> {
  await invokeLeader(rpc.stop, client.hosts, { sys: client.sys, uuids: [...pools] }, client);
}

export async function checkQuery(
  client: DmgClient,
  options: { readonly pools?: readonly string[]; readonly sequences?: readonly bigint[] },
): Promise<CheckQueryResp> {
  const request = {
    sys: client.sys,
    uuids: [...(options.pools ?? [])],
    seqs: [...(options.sequences ?? [])],
  };
  return await invokeLeader(rpc.query, client.hosts, request, client);
}

export interface CheckPolicies {
  /** Bits of CheckFlag. */
  readonly flags: number;
  readonly policies: readonly CheckPolicy[];
}

/** Policies of the classes named, or of all; `last`: those of the last check. */
export async function getCheckPolicies(
  client: DmgClient,
  options: { readonly classes: readonly CheckInconsistClass[]; readonly last: boolean },
): Promise<CheckPolicies> {
  const request = { sys: client.sys, classes: [...options.classes], lastUsed: options.last };
  const answer = await invokeLeader(rpc.getPolicy, client.hosts, request, client);
  return {
    flags: answer.flags,
    policies: answer.policies.map((policy) => ({ class: policy.inconsistCas, action: policy.inconsistAct })),
  };
}

export async function setCheckPolicies(client: DmgClient, policies: readonly CheckPolicy[]): Promise<void> {
  const request = { sys: client.sys, policies: policies.map(wirePolicy) };
  await invokeLeader(rpc.setPolicy, client.hosts, request, client);
}

function wirePolicy(policy: CheckPolicy) {
  return { inconsistCas: policy.class, inconsistAct: policy.action };
}

export async function checkRepair(
  client: DmgClient,
  repair: { readonly sequence: bigint; readonly action: CheckInconsistAction; readonly forAll: boolean },
): Promise<void> {
  const request = { sys: client.sys, seq: repair.sequence, act: repair.action, forAll: repair.forAll };
  await invokeLeader(rpc.repair, client.hosts, request, client);
}

/** The finding waits for somebody to choose. */
export function isInteractive(report: CheckReport): boolean {
  return report.action === CheckInconsistAction.CIA_INTERACT;
}

export interface RepairChoice {
  readonly action: CheckInconsistAction;
  readonly info: string;
}

/** What can be chosen; the detail says more than the message when it is more than a word. */
export function repairChoices(report: CheckReport): RepairChoice[] {
  return report.actChoices.map((action, index) => {
    const detail = report.actDetails[index] ?? "";
    const info = detail.trim().split(/\s+/).length > 1 ? detail : (report.actMsgs[index] ?? "");
    return { action, info };
  });
}

/** What was done about a finding. */
export function resolution(report: CheckReport): string {
  const name = actionName(report.action);
  return report.actMsgs.length === 1 ? `${name}: ${report.actMsgs[0]}` : name;
}

/** A pool under check, over all ranks that told of it. */
export interface CheckedPool {
  readonly uuid: string;
  readonly status: CheckPoolStatus;
  readonly phase: number;
  readonly rankCount: number;
  readonly startSeconds: bigint;
  /** Known while the check runs. */
  readonly remainingSeconds: bigint;
  /** Known once it is over. */
  readonly elapsedSeconds: bigint;
}

export function checkedPools(pools: readonly CheckQueryPool[]): CheckedPool[] {
  const byUuid = new Map<string, { first: CheckQueryPool; ranks: Set<number | undefined> }>();
  for (const pool of pools) {
    const known = byUuid.get(pool.uuid);
    const rank = pool.targets[0]?.rank;
    if (known) known.ranks.add(rank);
    else byUuid.set(pool.uuid, { first: pool, ranks: new Set([rank]) });
  }
  return [...byUuid.values()]
    .map(({ first, ranks }) => {
      const running = first.status === CheckPoolStatus.CPS_CHECKING;
      const seconds = first.time?.miscTime ?? 0n;
      return {
        uuid: first.uuid,
        status: first.status,
        phase: first.phase,
        rankCount: ranks.size,
        startSeconds: first.time?.startTime ?? 0n,
        remainingSeconds: running ? seconds : 0n,
        elapsedSeconds: running ? 0n : seconds,
      };
    })
    .sort((left, right) => (left.uuid < right.uuid ? -1 : 1));
}
