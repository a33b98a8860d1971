import { Der, DerError } from "./der.ts";
import type { FabricClient } from "./fabric-client.ts";
import type { Membership } from "./membership.ts";

/** Requests to ranks of the group, by rank. */
export interface GroupCalls {
  /** This engine's rank. @throws DerError DER_UNINIT before SetRank */
  self(): number;
  /** This rank, or one that has answered and is not known to be gone. */
  reachable(rank: number): boolean;
  /**
   * Asks another rank; an answer proves that it lives.
   * @throws DerError DER_OOG when the group has no such rank, DER_UNREACH when it is gone or does not answer,
   *   DER_TIMEDOUT, or what it refuses with
   */
  send(rank: number, op: string, body: unknown, timeoutMs: number): Promise<unknown>;
}

export function createGroupCalls(membership: Membership, fabric: FabricClient): GroupCalls {
  return {
    self() {
      const rank = membership.self();
      if (rank === undefined) throw new DerError(Der.UNINIT, "this engine has no rank yet");
      return rank;
    },
    reachable(rank) {
      const member = membership.member(rank);
      return rank === membership.self() || member?.status === "alive" || member?.status === "suspect";
    },
    async send(rank, op, body, timeoutMs) {
      const member = membership.member(rank);
      if (member === undefined) throw new DerError(Der.OOG, `rank ${rank} is not in the group`);
      if (member.status === "dead" || member.status === "left") {
        throw new DerError(Der.UNREACH, `rank ${rank} is ${member.status}`);
      }
      const answer = await fabric.call(member.uri, op, body, timeoutMs);
      membership.heardFrom(rank, member.incarnation);
      return answer;
    },
  };
}
