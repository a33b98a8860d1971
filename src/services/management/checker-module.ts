import { drpcMethod } from "../../drpc/body.ts";
import { SrvMethod } from "../../drpc/methods.ts";
import type { DrpcHandler } from "../../drpc/types.ts";
import { errorText } from "../../faults/fault.ts";
import * as srv from "../../gen/srv/srv_pb.ts";
import { isValidLabel, parseUuid } from "../../system/labels.ts";
import { DerStatus, decidePoolRegistered, decidePoolRemove, listPools } from "../../system/pools.ts";
import { decideFinding } from "./checker-findings.ts";
import type { ManagementParts } from "./parts.ts";

/**
 * What a checking engine asks: the pools the management service knows, to add or take away one, to keep a
 * finding. Failures are statuses in the answer, with the reason in the log.
 */
export function checkerModule({ core, poolLocks }: ManagementParts): Readonly<Record<number, DrpcHandler>> {
  const refuse = (status: number, why: string) => {
    core.log.error(why);
    return { status };
  };

  return {
    [SrvMethod.CHK_LIST_POOL]: drpcMethod(srv.CheckListPoolReqSchema, srv.CheckListPoolRespSchema, () => {
      try {
        const pools = listPools(core.replica({ whileChecking: true }), true);
        return { pools: pools.map(({ uuid, label, replicas }) => ({ uuid, label, svcreps: [...replicas] })) };
      } catch (error) {
        return refuse(DerStatus.Misc, `failed to list pools: ${errorText(error)}`);
      }
    }),

    [SrvMethod.CHK_REG_POOL]: drpcMethod(
      srv.CheckRegPoolReqSchema,
      srv.CheckRegPoolRespSchema,
      async ({ uuid: text, label, svcreps }) => {
        const uuid = parseUuid(text);
        if (uuid === undefined) return refuse(DerStatus.Inval, `invalid pool UUID "${text}"`);
        if (!isValidLabel(label)) return refuse(DerStatus.Inval, `bad pool label "${label}"`);
        if (svcreps.length === 0) return refuse(DerStatus.Inval, `pool "${uuid}" has zero svcreps`);
        try {
          const status = await poolLocks.withLock(uuid, () =>
            core.decide((state) => decidePoolRegistered(state, { uuid, label, svcreps }, core.timestamp())),
          );
          if (status !== 0) core.log.error(`pool with label "${label}" already exists`);
          return { status };
        } catch (error) {
          return refuse(DerStatus.Misc, `failed to register pool ${uuid}: ${errorText(error)}`);
        }
      },
    ),

    [SrvMethod.CHK_DEREG_POOL]: drpcMethod(
      srv.CheckDeregPoolReqSchema,
      srv.CheckDeregPoolRespSchema,
      async ({ uuid: text }) => {
        const uuid = parseUuid(text);
        if (uuid === undefined) return refuse(DerStatus.Inval, `invalid pool UUID "${text}"`);
        try {
          return await poolLocks.withLock(uuid, async () => {
            const known = core.leader({ whileChecking: true }).pools.has(uuid);
            if (!known) return refuse(DerStatus.Nonexist, `pool with uuid "${uuid}" does not exist`);
            await core.decide((state) => decidePoolRemove(state, uuid));
            return {};
          });
        } catch (error) {
          return refuse(DerStatus.Misc, `failed to remove pool ${uuid}: ${errorText(error)}`);
        }
      },
    ),

    [SrvMethod.CHK_REPORT]: drpcMethod(
      srv.CheckReportReqSchema,
      srv.CheckReportRespSchema,
      async ({ report }) => {
        if (report === undefined) return refuse(DerStatus.Misc, "checker report without a report");
        if (report.poolUuid !== "" && parseUuid(report.poolUuid) === undefined) {
          return refuse(DerStatus.Inval, `invalid pool UUID "${report.poolUuid}"`);
        }
        try {
          await core.decide((state) => decideFinding(state, report));
          return {};
        } catch (error) {
          return refuse(DerStatus.Misc, `failed to add checker finding: ${errorText(error)}`);
        }
      },
    ),
  };
}
