import { create } from "@bufbuild/protobuf";
import { CheckInconsistAction as Action, CheckInconsistClass as Class } from "../../gen/chk/chk_pb.ts";
import { type CheckInconsistPolicy, CheckInconsistPolicySchema } from "../../gen/mgmt/check_pb.ts";
import { serviceValue, serviceValueChange } from "../../system/attributes.ts";
import type { Change, SystemState } from "../../system/types.ts";

/** What is to be done about each class of inconsistency; and what the last check was told to do. */
const policiesName = "checker_policies";
const latestName = "checker_latest_policy";

type Policies = Map<Class, Action>;

/** One policy as 2.6 writes it down; parts that are zero are left out. */
interface StoredPolicy {
  readonly inconsist_cas?: number;
  readonly inconsist_act?: number;
}

function readPolicies(text: string): Policies {
  const stored = JSON.parse(text) as readonly StoredPolicy[];
  return new Map(stored.map((policy) => [policy.inconsist_cas ?? 0, policy.inconsist_act ?? 0]));
}

function writePolicies(policies: Policies): string {
  const stored: StoredPolicy[] = [...policies].map(([inconsist_cas, act]) =>
    act === 0 ? { inconsist_cas } : { inconsist_cas, inconsist_act: act },
  );
  return JSON.stringify(stored);
}

function defaultPolicies(): Policies {
  const classes = Object.values(Class).filter((value): value is Class => typeof value === "number");
  return new Map(
    classes
      .filter((value) => value !== Class.CIC_NONE && value !== Class.CIC_UNKNOWN)
      .map((value) => [value, Action.CIA_DEFAULT]),
  );
}

function toMessages(policies: Policies, classes: readonly Class[]): CheckInconsistPolicy[] {
  const wanted = classes.length === 0 ? [...policies.keys()] : classes.filter((each) => policies.has(each));
  return [...wanted]
    .sort((a, b) => a - b)
    .map((inconsistCas) =>
      create(CheckInconsistPolicySchema, {
        inconsistCas,
        inconsistAct: policies.get(inconsistCas) ?? Action.CIA_DEFAULT,
      }),
    );
}

/** The policies that stand, or those of the last check, of some classes or of all. */
export function checkerPolicies(
  state: SystemState,
  classes: readonly Class[] = [],
  lastUsed = false,
): CheckInconsistPolicy[] {
  const text = (lastUsed ? serviceValue(state, latestName) : undefined) ?? serviceValue(state, policiesName);
  return toMessages(text === undefined ? defaultPolicies() : readPolicies(text), classes);
}

/** The policies that stand with some of them replaced. */
export function mergedPolicies(
  state: SystemState,
  changed: readonly CheckInconsistPolicy[],
): CheckInconsistPolicy[] {
  const policies = new Map(checkerPolicies(state).map((each) => [each.inconsistCas, each.inconsistAct]));
  for (const { inconsistCas, inconsistAct } of changed) policies.set(inconsistCas, inconsistAct);
  return toMessages(policies, []);
}

function policiesChange(name: string, policies: readonly CheckInconsistPolicy[]): Change {
  const map = new Map(policies.map((each) => [each.inconsistCas, each.inconsistAct]));
  return serviceValueChange(name, writePolicies(map));
}

export function setPoliciesChange(policies: readonly CheckInconsistPolicy[]): Change {
  return policiesChange(policiesName, policies);
}

export function setLatestPoliciesChange(policies: readonly CheckInconsistPolicy[]): Change {
  return policiesChange(latestName, policies);
}
