/**
 * An engine that does nothing, as a process of its own: `engine-process.ts <socket>`. It makes pools that need
 * no making and answers each query with the same bytes, so what a pool query costs beyond it is ours.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrpcModule, MgmtMethod } from "../src/drpc/methods.ts";
import { listenDrpc } from "../src/drpc/server.ts";
import {
  PoolCreateReqSchema,
  PoolCreateRespSchema,
  PoolQueryRespSchema,
  StorageMediaType,
} from "../src/gen/mgmt/pool_pb.ts";
import { silentLogger } from "../src/log/logger.ts";

const usage = { total: 1n << 40n, free: 1n << 39n, min: 1n << 30n, max: 1n << 31n, mean: 1n << 30n };
const queried = toBinary(
  PoolQueryRespSchema,
  create(PoolQueryRespSchema, {
    uuid: "00000000-0000-4000-8000-000000000001",
    label: "tank",
    totalTargets: 16,
    activeTargets: 16,
    totalEngines: 1,
    tierStats: [
      { ...usage, mediaType: StorageMediaType.SCM },
      { ...usage, mediaType: StorageMediaType.NVME },
    ],
    svcReps: [0],
  }),
);

await listenDrpc({
  path: process.argv[2]!,
  mode: 0o600,
  modules: {
    [DrpcModule.MGMT]: {
      [MgmtMethod.POOL_CREATE](body) {
        const { ranks, tierbytes } = fromBinary(PoolCreateReqSchema, body);
        const answer = { svcReps: [0], tgtRanks: ranks, tierBytes: tierbytes };
        return toBinary(PoolCreateRespSchema, create(PoolCreateRespSchema, answer));
      },
      [MgmtMethod.POOL_QUERY]: () => queried,
    },
  },
  log: silentLogger,
});
console.log("ready");
