import { clone, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import {
  CheckInconsistAction as Action,
  type CheckReport,
  CheckReportSchema,
  CheckInconsistClass as Class,
} from "../../gen/chk/chk_pb.ts";
import type { Change, Decision, SystemState } from "../../system/types.ts";

/** What the checker has found, kept with the system until the next check. */

function readFinding(text: string): CheckReport {
  return fromJsonString(CheckReportSchema, text, { ignoreUnknownFields: true });
}

function putFinding(report: CheckReport): Change {
  return { kind: "putFinding", seq: report.seq.toString(), report: toJsonString(CheckReportSchema, report) };
}

/** @throws Error when there is none of that number. */
export function finding(state: SystemState, seq: bigint): CheckReport {
  const text = state.findings.get(seq.toString());
  if (text === undefined) throw new Error(`finding 0x${seq.toString(16)} not found`);
  return readFinding(text);
}

/** All findings, or those asked for. @throws Error when one asked for does not exist. */
export function findings(state: SystemState, seqs: readonly bigint[]): CheckReport[] {
  if (seqs.length > 0) return seqs.map((seq) => finding(state, seq));
  return [...state.findings.values()].map(readFinding);
}

/** Keeps a report, in place of an older one of its number. */
export function decideFinding(state: SystemState, report: CheckReport): Decision<undefined> {
  const pool = state.pools.get(report.poolUuid.toLowerCase());
  const annotated = annotate(report);
  // For people. It may be the wrong one, if labels are what is inconsistent; the UUID stands beside it.
  if (annotated.poolLabel === "" && pool !== undefined) annotated.poolLabel = pool.label;
  return { changes: [putFinding(annotated)], answer: undefined };
}

/** Forgets all findings, or those of some pools (by UUID or label). */
export function decideForget(state: SystemState, pools: readonly string[]): Decision<undefined> {
  const changes: Change[] = [];
  for (const [seq, text] of state.findings) {
    const report = readFinding(text);
    const meant = pools.length === 0 || pools.includes(report.poolUuid) || pools.includes(report.poolLabel);
    if (meant) changes.push({ kind: "removeFinding", seq });
  }
  return { changes, answer: undefined };
}

/** Writes down the repair that was chosen; there is nothing left to choose then. */
export function decideRepaired(state: SystemState, seq: bigint, action: Action): Decision<undefined> {
  const report = finding(state, seq);
  const index = report.actChoices.indexOf(action);
  if (index >= 0) {
    const message = report.actMsgs[index];
    report.action = action;
    if (message !== undefined) report.actMsgs = [message];
    report.actChoices = [];
  }
  return { changes: [putFinding(report)], answer: undefined };
}

/** "1,5", or why there is nothing to choose. */
export function choicesText(report: CheckReport): string {
  return report.actChoices.length === 0
    ? "no valid action choices (already repaired?)"
    : report.actChoices.join(",");
}

/** The report with a message for people, and one for each choice, where the engine gave none. */
function annotate(report: CheckReport): CheckReport {
  const made = clone(CheckReportSchema, report);
  made.msg = made.msg.trim();
  made.timestamp = made.timestamp.trim();
  made.actDetails = made.actDetails.map((detail) => detail.trim());
  made.actMsgs = made.actMsgs.map((message) => message.trim());
  while (made.actDetails.length < made.actChoices.length) made.actDetails.push("");
  if (made.actMsgs.length === 0) {
    const actions = made.actChoices.length > 0 ? made.actChoices : [made.action];
    made.actMsgs = actions.map((action) => describe(made, action));
  }
  if (made.msg === "") {
    made.msg = `Inconsistency found: ${className(made.class)} (details: [${made.actDetails.join(" ")}])`;
  }
  return made;
}

function className(of: Class): string {
  return Class[of] ?? String(of);
}

type Subject = "pool" | "container" | "target" | "other";

function subjectOf(of: Class): Subject {
  if (of >= Class.CIC_POOL_LESS_SVC_WITH_QUORUM && of <= Class.CIC_POOL_BAD_LABEL) return "pool";
  if (of >= Class.CIC_CONT_NONEXIST_ON_PS && of <= Class.CIC_CONT_BAD_LABEL) return "container";
  if (of >= Class.CIC_ENGINE_NONEXIST_IN_MAP && of <= Class.CIC_ENGINE_HAS_NO_STORAGE) return "target";
  return "other";
}

/** What an action would do about a finding; the words are those of 2.6, which dmg shows as they are. */
function describe(report: CheckReport, action: Action): string {
  const subject = subjectOf(report.class);
  const special = specialActions[report.class]?.[action];
  if (special !== undefined) return special(report);
  switch (action) {
    case Action.CIA_IGNORE:
      return `Ignore the ${subject} finding`;
    case Action.CIA_DISCARD:
      return `Discard the ${subject}`;
    case Action.CIA_READD:
      return `Re-add the ${subject}`;
    case Action.CIA_TRUST_MS:
      return subject === "pool"
        ? `Trust the MS pool entry for ${report.poolUuid}`
        : `Trust the MS ${subject} entry`;
    case Action.CIA_TRUST_PS:
      return `Trust the PS ${subject} entry`;
    case Action.CIA_TRUST_TARGET:
      return `Trust the ${subject} result`;
    case Action.CIA_TRUST_MAJORITY:
      return `Trust the majority of the ${subject} results`;
    case Action.CIA_TRUST_LATEST:
      return `Trust the latest ${subject} result`;
    case Action.CIA_TRUST_OLDEST:
      return `Trust the oldest ${subject} result`;
    case Action.CIA_TRUST_EC_PARITY:
      return `Trust the parity of the ${subject} results`;
    case Action.CIA_TRUST_EC_DATA:
      return `Trust the data of the ${subject} results`;
    default:
      return `${subject}: ${Action[action] ?? action} (details: [${report.actDetails.join(" ")}])`;
  }
}

/** Where an action means something of its own for a class. */
const specialActions: Partial<Record<Class, Partial<Record<Action, (report: CheckReport) => string>>>> = {
  [Class.CIC_POOL_NONEXIST_ON_MS]: {
    [Action.CIA_TRUST_MS]: ({ poolUuid }) => `Reclaim the orphaned pool storage for ${poolUuid}`,
    [Action.CIA_TRUST_PS]: ({ poolUuid }) => `Recreate the MS pool entry for ${poolUuid}`,
  },
  [Class.CIC_POOL_NONEXIST_ON_ENGINE]: {
    [Action.CIA_TRUST_PS]: ({ poolUuid }) => `Remove the MS pool entry for ${poolUuid}`,
  },
  [Class.CIC_POOL_BAD_LABEL]: {
    [Action.CIA_TRUST_MS]: ({ poolUuid }) => `Reset the pool property using the MS label for ${poolUuid}`,
    [Action.CIA_TRUST_PS]: ({ poolUuid }) =>
      `Update the MS label to use the pool property value for ${poolUuid}`,
  },
  [Class.CIC_CONT_BAD_LABEL]: {
    [Action.CIA_TRUST_PS]: ({ contUuid }) =>
      `Reset the container property using the PS label for ${contUuid}`,
    [Action.CIA_TRUST_TARGET]: ({ contUuid }) =>
      `Update the CS label to use the container property value for ${contUuid}`,
  },
};
