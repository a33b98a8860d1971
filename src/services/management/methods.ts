import type { MgmtSvc } from "../../gen/mgmt/mgmt_pb.ts";
import type { ServiceImpl } from "../method.ts";
import { createGetAttachInfo } from "./attach-info.ts";
import { attributeMethods } from "./attributes.ts";
import { checkerMethods } from "./checker.ts";
import { createJoin } from "./join.ts";
import type { ManagementParts } from "./parts.ts";
import { poolPassedMethods } from "./pool-calls.ts";
import { createPoolCreate } from "./pool-create.ts";
import { createPoolDestroy } from "./pool-destroy.ts";
import { createPoolEvict } from "./pool-evict.ts";
import { createListPools } from "./pool-list.ts";
import { createPoolSetProp } from "./pool-props.ts";
import { createLeaderQuery, createSystemQuery } from "./query.ts";
import { createSystemCleanup } from "./system-cleanup.ts";
import { createSystemErase } from "./system-erase.ts";
import { rankMethods } from "./system-ranks.ts";

/** mgmt.MgmtSvc: each method with the components that may call it (`authorized` rows of codes-2.6.tsv). */
export function managementMethods(parts: ManagementParts): ServiceImpl<typeof MgmtSvc> {
  const { core, events, poolLocks } = parts;
  return {
    join: { roles: ["server"], handle: createJoin(core, parts) },
    clusterEvent: {
      roles: ["server"],
      async handle({ sequence, event }) {
        core.leader({ whileChecking: true });
        if (event === undefined) throw new Error("nil event in request");
        await events.handleForwarded(event);
        return { sequence };
      },
    },
    leaderQuery: { roles: ["admin"], handle: createLeaderQuery(core) },
    systemQuery: { roles: ["admin"], handle: createSystemQuery(core) },
    getAttachInfo: { roles: ["agent"], handle: createGetAttachInfo(core) },
    poolCreate: { roles: ["admin"], handle: createPoolCreate(parts) },
    poolDestroy: { roles: ["admin"], handle: createPoolDestroy(core, poolLocks) },
    poolEvict: { roles: ["admin", "agent"], handle: createPoolEvict(core) },
    poolSetProp: { roles: ["admin"], handle: createPoolSetProp(core, poolLocks) },
    listPools: { roles: ["admin"], handle: createListPools(core) },
    ...poolPassedMethods(parts),
    ...attributeMethods(core),
    ...rankMethods(parts),
    ...checkerMethods(parts),
    systemErase: { roles: ["admin"], handle: createSystemErase(parts) },
    systemCleanup: { roles: ["admin", "agent"], handle: createSystemCleanup(core) },
  };
}
