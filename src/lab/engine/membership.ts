import type { Logger } from "../../log/logger.ts";

/**
 * What an engine knows of the ranks of its group. The group map comes from the management service; whether
 * a rank lives is found out here, in SWIM's spirit: each rank pings the next few of the ring, a silent one
 * is suspected, then asked for by others, then declared dead and told to everybody.
 */
export type MemberStatus = "inactive" | "alive" | "suspect" | "left" | "dead";

export interface Member {
  readonly rank: number;
  readonly uri: string;
  readonly incarnation: bigint;
  status: MemberStatus;
  /** When the silence began, in ms of the clock given; 0 while it answers. */
  silentSince: number;
}

export interface GroupEntry {
  readonly rank: number;
  readonly uri: string;
  readonly incarnation: bigint;
}

export interface GroupUpdate {
  readonly version: number;
  readonly engines: readonly GroupEntry[];
}

/**
 * dead: by failure detection. left: went in an orderly way; gone: and has not come back in the time in which
 * a silent rank would be declared dead. removed: no longer in the group map.
 */
export type MemberEvent =
  | {
      readonly kind: "dead";
      readonly rank: number;
      readonly uri: string;
      readonly incarnation: bigint;
      /** Another rank found it out. */
      readonly heard: boolean;
    }
  | { readonly kind: "left" | "gone"; readonly rank: number; readonly incarnation: bigint }
  | { readonly kind: "removed"; readonly rank: number; readonly incarnation: bigint }
  | { readonly kind: "alive"; readonly rank: number; readonly incarnation: bigint }
  | { readonly kind: "self-removed" };

/** How many ranks after it in the ring each rank watches. */
export const watchedPeers = 3;

/** Answers to a ping: who it is. Anything else is silence. */
export interface PingAnswer {
  readonly rank: number;
  readonly incarnation: bigint;
}

export interface MembershipOptions {
  readonly log: Logger;
  readonly pingPeriodMs: number;
  readonly suspectTimeoutMs: number;
  now(): number;
  /** Rejects when the rank does not answer. */
  ping(member: Member, timeoutMs: number): Promise<PingAnswer>;
  /** Asks `via` whether `about` lives; false also when `via` cannot tell. */
  pingThrough(via: Member, about: Member, timeoutMs: number): Promise<boolean>;
  /** Tells other ranks; failures do not matter. */
  tellDead(to: Member, dead: GroupEntry): void;
  onEvent(event: MemberEvent): void;
}

export interface Membership {
  /** Version of the newest map applied. */
  version(): number;
  self(): number | undefined;
  setSelf(rank: number, incarnation: bigint, version: number): void;
  /** false when the map is not newer than what is known. */
  update(update: GroupUpdate): boolean;
  members(): readonly Member[];
  member(rank: number): Member | undefined;
  /** The map as it was last applied. */
  group(): GroupUpdate;
  /** Not known to be dead or gone. */
  isUsable(rank: number): boolean;
  /** A message from a rank proves that it lives. */
  heardFrom(rank: number, incarnation: bigint): void;
  /** Another rank has found this one dead. */
  heardDead(rank: number, incarnation: bigint): void;
  heardLeft(rank: number, incarnation: bigint): void;
  /** One round of pings; called by start() every period. */
  tick(): Promise<void>;
  start(): void;
  stop(): void;
}

export function createMembership(options: MembershipOptions): Membership {
  const { log, onEvent } = options;
  const members = new Map<number, Member>();
  let self: { rank: number; incarnation: bigint } | undefined;
  let version = 0;
  let applied: GroupUpdate = { version: 0, engines: [] };
  let timer: ReturnType<typeof setInterval> | undefined;
  let ticking = false;

  const others = () =>
    [...members.values()].filter((m) => m.rank !== self?.rank).sort((a, b) => a.rank - b.rank);

  /** The next living ranks after this one; ranks never seen are watched too, so that they are noticed. */
  const watched = (): Member[] => {
    const ring = others().filter((m) => m.status !== "dead" && m.status !== "left");
    const after = ring.filter((m) => m.rank > (self?.rank ?? -1));
    const rest = ring.filter((m) => m.rank < (self?.rank ?? -1));
    const ordered = [...after, ...rest];
    const lively = ordered.filter((m) => m.status !== "inactive").slice(0, watchedPeers);
    return [...lively, ...ordered.filter((m) => m.status === "inactive").slice(0, watchedPeers)];
  };

  const alive = (member: Member, incarnation: bigint) => {
    if (incarnation < member.incarnation || members.get(member.rank) !== member) return;
    const before = member.status;
    // A dead incarnation stays dead until the map names a new one.
    if ((before === "dead" || before === "left") && incarnation === member.incarnation) return;
    member.silentSince = 0;
    if (incarnation === member.incarnation) member.status = "alive";
    else members.set(member.rank, { ...member, incarnation, status: "alive", silentSince: 0 });
    if (before !== "alive" || incarnation !== member.incarnation) {
      if (before !== "suspect") log.info(`rank ${member.rank} is alive (incarnation ${incarnation})`);
      onEvent({ kind: "alive", rank: member.rank, incarnation });
    }
  };

  const declareDead = (member: Member, heard: boolean) => {
    if (member.status === "dead" || member.status === "left" || member.status === "inactive") return;
    member.status = "dead";
    log.notice(`rank ${member.rank} is dead (incarnation ${member.incarnation})`);
    const { rank, uri, incarnation } = member;
    onEvent({ kind: "dead", rank, uri, incarnation, heard });
    if (heard) return;
    for (const other of others()) {
      if (other.status === "alive" || other.status === "suspect") options.tellDead(other, member);
    }
  };

  const probe = async (member: Member): Promise<void> => {
    const timeoutMs = Math.max(50, Math.min(options.suspectTimeoutMs / 2, options.pingPeriodMs * 2));
    try {
      const answer = await options.ping(member, timeoutMs);
      if (answer.rank !== member.rank) throw new Error(`rank ${answer.rank} answers for rank ${member.rank}`);
      alive(member, answer.incarnation);
    } catch (error) {
      if (members.get(member.rank) !== member || (member.status !== "alive" && member.status !== "suspect")) {
        return;
      }
      const now = options.now();
      if (member.silentSince === 0) member.silentSince = now;
      if (member.status === "alive") {
        member.status = "suspect";
        log.info(`rank ${member.rank} is suspected: ${(error as Error).message}`);
      }
      if (now - member.silentSince < options.suspectTimeoutMs) return;
      const helpers = others()
        .filter((m) => m.status === "alive" && m !== member)
        .slice(0, watchedPeers);
      const seen = await Promise.all(
        helpers.map((via) => options.pingThrough(via, member, timeoutMs).catch(() => false)),
      );
      if (seen.includes(true)) {
        member.silentSince = 0;
        return;
      }
      if (members.get(member.rank) === member && member.status === "suspect") declareDead(member, false);
    }
  };

  const membership: Membership = {
    version: () => version,
    self: () => self?.rank,
    setSelf(rank, incarnation, mapVersion) {
      self = { rank, incarnation };
      // Older maps may not have this rank yet: they are not for us.
      version = Math.max(version, mapVersion);
    },
    update(next) {
      if (next.version <= version) return false;
      version = next.version;
      applied = next;
      const named = new Map(next.engines.map((e) => [e.rank, e]));
      for (const member of [...members.values()]) {
        if (named.has(member.rank)) continue;
        members.delete(member.rank);
        if (member.rank !== self?.rank) {
          onEvent({ kind: "removed", rank: member.rank, incarnation: member.incarnation });
        }
      }
      for (const entry of next.engines) {
        const known = members.get(entry.rank);
        if (known !== undefined && known.uri === entry.uri && known.incarnation >= entry.incarnation)
          continue;
        const status = entry.rank === self?.rank ? "alive" : "inactive";
        members.set(entry.rank, { ...entry, status, silentSince: 0 });
      }
      log.info(`group map version ${version}: ${next.engines.length} ranks`);
      if (self !== undefined && !named.has(self.rank)) onEvent({ kind: "self-removed" });
      return true;
    },
    members: () => [...members.values()].sort((a, b) => a.rank - b.rank),
    member: (rank) => members.get(rank),
    group: () => applied,
    isUsable(rank) {
      const member = members.get(rank);
      if (rank === self?.rank) return true;
      return member !== undefined && member.status !== "dead" && member.status !== "left";
    },
    heardFrom(rank, incarnation) {
      const member = members.get(rank);
      if (member !== undefined && rank !== self?.rank) alive(member, incarnation);
    },
    heardDead(rank, incarnation) {
      const member = members.get(rank);
      if (member === undefined || rank === self?.rank || incarnation < member.incarnation) return;
      if (member.status === "inactive") member.status = "suspect";
      declareDead(member, true);
    },
    heardLeft(rank, incarnation) {
      const member = members.get(rank);
      if (member === undefined || rank === self?.rank || incarnation < member.incarnation) return;
      if (member.status === "dead" || member.status === "left") return;
      member.status = "left";
      member.silentSince = options.now();
      log.info(`rank ${rank} has left`);
      onEvent({ kind: "left", rank, incarnation });
    },
    async tick() {
      if (self === undefined) return;
      for (const member of others()) {
        if (member.status !== "left" || options.now() - member.silentSince < options.suspectTimeoutMs)
          continue;
        member.status = "dead";
        onEvent({ kind: "gone", rank: member.rank, incarnation: member.incarnation });
      }
      await Promise.all(watched().map(probe));
    },
    start() {
      timer ??= setInterval(() => {
        if (ticking) return;
        ticking = true;
        void membership.tick().finally(() => {
          ticking = false;
        });
      }, options.pingPeriodMs);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
  return membership;
}
