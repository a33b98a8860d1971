import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { wrapError } from "../../faults/cause.ts";
import * as pb from "../../gen/mgmt/check_pb.ts";
import type { DaosRespSchema } from "../../gen/mgmt/svc_pb.ts";
import { serviceValueChange } from "../../system/attributes.ts";
import { faultCheckerMemberStates, faultCheckerNotEnabled } from "../../system/faults.ts";
import { groupMap } from "../../system/group-map.ts";
import { inStates } from "../../system/member-state.ts";
import { ranksInStates } from "../../system/membership.ts";
import { DerStatus, resolvePoolId } from "../../system/pools.ts";
import { formatRanks } from "../../system/ranks.ts";
import { MemberState, type MemberStateName, type SystemState } from "../../system/types.ts";
import { choicesText, decideForget, decideRepaired, finding, findings } from "./checker-findings.ts";
import {
  checkerPolicies,
  mergedPolicies,
  setLatestPoliciesChange,
  setPoliciesChange,
} from "./checker-policies.ts";
import { type Core, checkerEnabledName, isCheckerEnabled } from "./core.ts";
import { callEngine } from "./engine-call.ts";
import type { ManagementParts } from "./parts.ts";
import { start, stop } from "./system-ranks.ts";

type Answer = MessageInitShape<typeof DaosRespSchema>;

/** The checker: a system stopped and started again in a mode in which engines look for what is inconsistent. */
export function checkerMethods(parts: ManagementParts) {
  const { core } = parts;
  return {
    systemCheckEnable: admin(() => enable(parts)),
    systemCheckDisable: admin(() => disable(parts)),
    systemCheckStart: admin((request: pb.CheckStartReq) => startCheck(core, request)),
    systemCheckStop: admin((request: pb.CheckStopReq) => {
      const state = ready(core);
      request.uuids = request.uuids.map((id) => resolvePoolId(state, id));
      return call(core, MgmtMethod.CHK_STOP, pb.CheckStopReqSchema, request, pb.CheckStopRespSchema);
    }),
    systemCheckQuery: admin((request: pb.CheckQueryReq) => query(core, request)),
    systemCheckSetPolicy: admin(async (request: pb.CheckSetPolicyReq): Promise<Answer> => {
      ready(core);
      await core.decide((state) => ({
        changes: [setPoliciesChange(mergedPolicies(state, request.policies))],
        answer: undefined,
      }));
      return {};
    }),
    systemCheckGetPolicy: admin((request: pb.CheckGetPolicyReq) => ({
      policies: checkerPolicies(ready(core), request.classes, request.lastUsed),
    })),
    systemCheckRepair: admin((request: pb.CheckActReq) => repair(core, request)),
  };
}

function admin<H>(handle: H) {
  return { roles: ["admin"] as const, handle };
}

/** @throws Fault 1101 when a member is in none of the states. */
function requireStates(state: SystemState, names: readonly MemberStateName[]): void {
  const mask = names.reduce((sum, name) => sum | MemberState[name], 0);
  const others = [...state.members.values()].filter((member) => !inStates(member.state, mask));
  if (others.length === 0) return;
  const ranks = formatRanks(others.map(({ rank }) => rank));
  throw faultCheckerMemberStates(names.includes("Stopped"), ranks, names.join("|"));
}

/** The state of a system ready to be checked. @throws Fault 1101, 1102. */
function ready(core: Core): SystemState {
  const state = core.leader({ whileChecking: true });
  if (!isCheckerEnabled(state)) throw faultCheckerNotEnabled();
  requireStates(state, ["AdminExcluded", "CheckerStarted"]);
  return state;
}

function call<I extends DescMessage, O extends DescMessage>(
  core: Core,
  method: number,
  input: I,
  request: MessageShape<I>,
  output: O,
): Promise<MessageShape<O>> {
  return callEngine(core.deps.harness, method, input, request as MessageInitShape<I>, output);
}

async function enable(parts: ManagementParts): Promise<Answer> {
  const { core } = parts;
  const state = core.leader({ whileChecking: true });
  if (isCheckerEnabled(state)) return { status: DerStatus.Already };
  requireStates(state, ["AdminExcluded", "Stopped"]);
  await setEnabled(core, true);
  // Ranks that are not in the group cannot be started; they are not to be checked either.
  const ranks = groupMap(state, core.isReplica).members.map(({ rank }) => rank);
  try {
    await start(parts, { ranks: formatRanks(ranks), hosts: "", checkMode: true });
  } catch (error) {
    throw wrapError("failed to start all ranks", error);
  }
  return {};
}

async function disable(parts: ManagementParts): Promise<Answer> {
  const { core } = parts;
  if (!isCheckerEnabled(core.leader({ whileChecking: true }))) return { status: DerStatus.Already };
  await setEnabled(core, false);
  const ranks = ranksInStates(core.leader(), MemberState.CheckerStarted);
  if (ranks.length === 0) return {};
  try {
    await stop(parts, { ranks: formatRanks(ranks), hosts: "", force: false });
  } catch (error) {
    throw wrapError("failed to stop all checker ranks", error);
  }
  return {};
}

async function setEnabled(core: Core, enabled: boolean): Promise<void> {
  await core.decide(() => ({
    changes: [serviceValueChange(checkerEnabledName, String(enabled))],
    answer: undefined,
  }));
}

async function startCheck(
  core: Core,
  request: pb.CheckStartReq,
): Promise<MessageInitShape<typeof pb.CheckStartRespSchema>> {
  const state = ready(core);
  request.uuids = request.uuids.map((id) => resolvePoolId(state, id));
  request.ranks = ranksInStates(state, MemberState.CheckerStarted);
  request.policies = mergedPolicies(state, request.policies);
  const { policies, uuids } = request;
  await core.decide(() => ({ changes: [setLatestPoliciesChange(policies)], answer: undefined }));
  const answer = await call(
    core,
    MgmtMethod.CHK_START,
    pb.CheckStartReqSchema,
    request,
    pb.CheckStartRespSchema,
  );
  if (answer.status <= 0) return answer;
  // A positive status: the check began anew, so what was found before is void.
  await core.decide((now) => decideForget(now, uuids));
  return {};
}

/** What the engines say of a running check, and what has been found so far. */
async function query(
  core: Core,
  request: pb.CheckQueryReq,
): Promise<MessageInitShape<typeof pb.CheckQueryRespSchema>> {
  const state = core.leader({ whileChecking: true });
  const uuids = request.uuids.map((id) => resolvePoolId(state, id));
  const { seqs } = request;
  let answer: MessageInitShape<typeof pb.CheckQueryRespSchema> = {};
  let reports = findings(state, seqs);
  if (!request.shallow && seqs.length === 0) {
    ready(core);
    request.uuids = uuids;
    const live = await call(
      core,
      MgmtMethod.CHK_QUERY,
      pb.CheckQueryReqSchema,
      request,
      pb.CheckQueryRespSchema,
    );
    reports = [...live.reports, ...findings(core.leader({ whileChecking: true }), [])];
    answer = live;
  }
  const wanted = reports.filter(({ poolUuid }) => uuids.length === 0 || uuids.includes(poolUuid));
  wanted.sort((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0));
  return { ...answer, reports: wanted };
}

async function repair(
  core: Core,
  request: pb.CheckActReq,
): Promise<MessageInitShape<typeof pb.CheckActRespSchema>> {
  const report = finding(core.leader({ whileChecking: true }), request.seq);
  if (!report.actChoices.includes(request.act)) {
    throw new Error(`invalid action ${request.act} (must be one of ${choicesText(report)})`);
  }
  ready(core);
  const answer = await call(core, MgmtMethod.CHK_ACT, pb.CheckActReqSchema, request, pb.CheckActRespSchema);
  if (answer.status === 0) await core.decide((now) => decideRepaired(now, request.seq, request.act));
  return answer;
}
