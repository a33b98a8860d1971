import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { daosStatusText } from "../../faults/daos-status.ts";
import {
  type PoolProperty,
  type PoolSetPropReq,
  PoolSetPropReqSchema,
  type PoolSetPropResp,
  PoolSetPropRespSchema,
} from "../../gen/mgmt/pool_pb.ts";
import { faultPoolDuplicateLabel } from "../../system/faults.ts";
import { decidePoolUpdate, resolvePoolId } from "../../system/pools.ts";
import type { Core } from "./core.ts";
import { callPool } from "./pool-calls.ts";
import { labelProperty } from "./pool-create.ts";
import type { PoolLocks } from "./pool-locks.ts";

/**
 * Answers PoolSetProp. A new label is set first and for itself: it must be the only one of its kind, is
 * kept here too, and when it cannot be set nothing else is changed.
 */
export function createPoolSetProp(core: Core, locks: PoolLocks) {
  const send = (request: PoolSetPropReq): Promise<PoolSetPropResp> =>
    callPool(core, MgmtMethod.POOL_SET_PROP, PoolSetPropReqSchema, request, PoolSetPropRespSchema);

  const setLabel = async (sys: string, uuid: string, property: PoolProperty): Promise<void> => {
    const label = property.value.case === "strval" ? property.value.value : "";
    const owner = core.leader().poolsByLabel.get(label);
    if (owner !== undefined && owner !== uuid) throw faultPoolDuplicateLabel(label);
    const { status } = await send(create(PoolSetPropReqSchema, { sys, id: uuid, properties: [property] }));
    if (status !== 0) throw new Error(`label update failed: ${daosStatusText(status)}`);
    await core.decide((state) => decidePoolUpdate(state, uuid, { label }, core.timestamp()));
  };

  return async (request: PoolSetPropReq): Promise<MessageInitShape<typeof PoolSetPropRespSchema>> => {
    const uuid = resolvePoolId(core.leader(), request.id);
    return locks.withLock(uuid, async () => {
      if (request.properties.length === 0) throw new Error("PoolSetProp() request with 0 properties");
      // The UUID stays when the label changes between the calls.
      request.id = uuid;
      for (const property of request.properties) {
        if (property.number === labelProperty) await setLabel(request.sys, uuid, property);
      }
      request.properties = request.properties.filter(({ number }) => number !== labelProperty);
      return request.properties.length === 0 ? {} : send(request);
    });
  };
}
