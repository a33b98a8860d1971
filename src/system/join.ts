import { formatFaultDomain, newDomainIds, parseFaultDomain } from "./fault-domain.ts";
import { faultBadFaultDomainDepth } from "./faults.ts";
import { parseUuid } from "./labels.ts";
import { nilRank } from "./ranks.ts";
import type { Change, Decision, Member, MemberStateName, SystemState } from "./types.ts";

/** An engine asks to be, or to be again, a member. */
export interface JoinRequest {
  /** nilRank when the engine has none yet, or never heard the answer to its first join. */
  readonly rank: number;
  readonly uuid: string;
  /** Control address of its server, "ip:port". */
  readonly addr: string;
  readonly fabricUri: string;
  readonly secondaryFabricUris: readonly string[];
  readonly fabricContexts: number;
  readonly secondaryFabricContexts: readonly number[];
  readonly faultDomain: string;
  readonly incarnation: bigint;
  /** The engine was started to be checked. */
  readonly checkMode: boolean;
  /** The first engine of the bootstrap replica, for which rank 0 is kept. */
  readonly bootstrap: boolean;
}

export interface JoinAnswer {
  readonly member: Member;
  /** False: it was a member before, in state `previous`. */
  readonly created: boolean;
  readonly previous: MemberStateName;
  /** The group map that holds the member has at least this version. */
  readonly mapVersion: number;
}

/** A refusal that an administrator has to resolve; it is announced as an event. */
export class JoinRefusedError extends Error {
  override readonly name = "JoinRefusedError";
}

/**
 * Decides a join. Told by rank when the request has one, else by UUID: a known member is taken back if it
 * is the same engine at the same server and not excluded by an administrator; an unknown one becomes new.
 * @throws JoinRefusedError, or Fault 401 when its fault domain has another depth than the others'.
 */
export function decideJoin(state: SystemState, request: JoinRequest, now: string): Decision<JoinAnswer> {
  if (request.fabricUri === "") throw new Error("no primary fabric URI in JoinRequest");
  const uuid = parseUuid(request.uuid);
  if (uuid === undefined) throw new Error(`invalid uuid "${request.uuid}"`);
  const domain = readDomain(request.faultDomain);
  const known = findKnown(state, request, uuid);
  checkDepth(state, domain, known);
  const rank = known?.rank ?? newRank(state, request, uuid);
  if (known !== undefined) checkSameEngine(known, uuid, request);

  const member: Member = {
    rank,
    uuid,
    addr: request.addr,
    state: known !== undefined && request.checkMode ? "CheckerStarted" : "Joined",
    info: "",
    fabricUri: request.fabricUri,
    secondaryFabricUris: request.secondaryFabricUris,
    fabricContexts: request.fabricContexts,
    secondaryFabricContexts: request.secondaryFabricContexts,
    incarnation: request.incarnation,
    faultDomain: formatFaultDomain(domain),
    lastUpdate: now,
  };
  const changes: Change[] = [{ kind: "putMember", member }, { kind: "bumpMapVersion" }];
  for (const [path, id] of newDomainIds(state, member.faultDomain))
    changes.push({ kind: "putDomain", path, id });
  if (rank >= state.nextRank) changes.push({ kind: "setNextRank", nextRank: rank + 1 });
  return {
    changes,
    answer: {
      member,
      created: known === undefined,
      previous: known?.state ?? "Unknown",
      mapVersion: state.mapVersion + 1,
    },
  };
}

function readDomain(text: string): string[] {
  try {
    return parseFaultDomain(text);
  } catch (error) {
    throw new Error(`invalid server fault domain "${text}"`, { cause: error });
  }
}

function findKnown(state: SystemState, request: JoinRequest, uuid: string): Member | undefined {
  const rank = request.rank === nilRank ? state.ranksByUuid.get(uuid) : request.rank;
  return rank === undefined ? undefined : state.members.get(rank);
}

function newRank(state: SystemState, request: JoinRequest, uuid: string): number {
  const taken = state.ranksByUuid.get(uuid);
  if (taken !== undefined)
    throw new Error(`failed to add new member: member with uuid ${uuid} already exists`);
  if (request.rank !== nilRank) return request.rank;
  return request.bootstrap && !state.members.has(0) ? 0 : state.nextRank;
}

/** The depth must be that of every other member; a lone member may change its own. */
function checkDepth(state: SystemState, domain: readonly string[], known: Member | undefined): void {
  for (const member of state.members.values()) {
    if (member.rank === known?.rank) continue;
    const depth = parseFaultDomain(member.faultDomain).length;
    if (depth !== domain.length) throw faultBadFaultDomainDepth(formatFaultDomain(domain), depth);
    return;
  }
}

function checkSameEngine(known: Member, uuid: string, request: JoinRequest): void {
  if (known.state === "AdminExcluded") {
    throw new JoinRefusedError(
      `member ${known.uuid} (rank ${known.rank}) has been administratively excluded`,
    );
  }
  if (known.uuid !== uuid) {
    throw new JoinRefusedError(
      `can't rejoin member with rank ${known.rank}: uuid changed from ${known.uuid} -> ${uuid}`,
    );
  }
  if (known.addr !== request.addr) {
    throw new JoinRefusedError(
      `can't rejoin member ${known.uuid} (rank ${known.rank}): control address changed from ${known.addr} -> ${request.addr}`,
    );
  }
}
