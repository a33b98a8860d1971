import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ListPoolsRespSchema } from "../../gen/mgmt/pool_pb.ts";
import { listPools } from "../../system/pools.ts";
import type { Core } from "./core.ts";

/** Answers ListPools: all of them, whatever their state. */
export function createListPools(core: Core) {
  return (): MessageInitShape<typeof ListPoolsRespSchema> => {
    const state = core.replica({ whileChecking: true });
    const pools = listPools(state, true).map((pool) => ({
      uuid: pool.uuid,
      label: pool.label,
      svcReps: [...pool.replicas],
      state: pool.state,
    }));
    return { pools, dataVersion: state.version };
  };
}
