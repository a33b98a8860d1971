import { MgmtMethod } from "../../../drpc/methods.ts";
import type { DrpcHandler } from "../../../drpc/types.ts";
import { SetLogMasksReqSchema, SetLogMasksRespSchema } from "../../../gen/ctl/server_pb.ts";
import {
  DaosRespSchema,
  GroupUpdateReqSchema,
  GroupUpdateRespSchema,
  PingRankReqSchema,
  PrepShutdownReqSchema,
  SetRankReqSchema,
} from "../../../gen/mgmt/svc_pb.ts";
import type { Engine } from "../engine.ts";
import { rankOf } from "../engine.ts";
import { applyGroup } from "../group.ts";
import type { GroupUpdate } from "../membership.ts";
import { answering } from "./body.ts";

/** Life of the engine in its group: rank, set-up, group map, ping, orderly end, log masks. */
export function systemHandlers(engine: Engine): Record<number, DrpcHandler> {
  const { log, membership } = engine;
  return {
    [MgmtMethod.SET_RANK]: answering(log, SetRankReqSchema, DaosRespSchema, ({ rank, mapVersion }) => {
      log.info(`rank ${rank}, group map version ${mapVersion}`);
      membership.setSelf(rank, engine.incarnation, mapVersion);
      return {};
    }),
    // The call has no body.
    [MgmtMethod.SET_UP]: answering(log, DaosRespSchema, DaosRespSchema, () => {
      const { targets, helpers, firstCore } = engine.args;
      membership.start();
      engine.services.reconsider();
      log.print(
        `DAOS I/O Engine (v2.6.0) process ${process.pid} started on rank ${rankOf(engine)} with ` +
          `${targets} target, ${helpers} helper XS, firstcore ${firstCore}, host ${engine.hostname}.`,
      );
      return {};
    }),
    [MgmtMethod.GROUP_UPDATE]: answering(log, GroupUpdateReqSchema, GroupUpdateRespSchema, (request) => {
      const update: GroupUpdate = {
        version: request.mapVersion,
        engines: request.engines.map(({ rank, uri, incarnation }) => ({ rank, uri, incarnation })),
      };
      if (applyGroup(engine, update)) spreadGroup(engine, update);
      return {};
    }),
    [MgmtMethod.PING_RANK]: answering(log, PingRankReqSchema, DaosRespSchema, () => ({})),
    [MgmtMethod.PREP_SHUTDOWN]: answering(log, PrepShutdownReqSchema, DaosRespSchema, ({ rank }) => {
      log.info(`rank ${rank} is being prepared for controlled shutdown`);
      engine.shuttingDown = true;
      return {};
    }),
    [MgmtMethod.SET_LOG_MASKS]: answering(log, SetLogMasksReqSchema, SetLogMasksRespSchema, (request) => {
      // 2.6 takes what it understands of a mask and answers success in any case.
      if (request.masks !== "") log.setMask(request.masks);
      log.info(`log masks are now ${log.mask}, streams "${request.streams}"`);
      return {};
    }),
  };
}

/** The server tells one engine; that engine tells all others. Who misses it learns of it by a ping. */
function spreadGroup(engine: Engine, update: GroupUpdate): void {
  for (const { rank, uri } of update.engines) {
    if (rank === engine.membership.self()) continue;
    engine.fabric
      .call(uri, "group.update", update, 2000)
      .catch((error: Error) =>
        engine.log.debug(`rank ${rank} misses map ${update.version}: ${error.message}`),
      );
  }
}
