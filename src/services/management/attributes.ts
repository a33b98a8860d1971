import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import { daosStatusError } from "../../faults/daos-status.ts";
import {
  type PoolProperty,
  PoolPropertySchema,
  PoolSetPropReqSchema,
  PoolSetPropRespSchema,
} from "../../gen/mgmt/pool_pb.ts";
import type { DaosRespSchema } from "../../gen/mgmt/svc_pb.ts";
import type {
  SystemGetAttrReq,
  SystemGetPropReq,
  SystemSetAttrReq,
  SystemSetPropReq,
} from "../../gen/mgmt/system_pb.ts";
import { attributeChanges, visibleAttributes } from "../../system/attributes.ts";
import { listPools } from "../../system/pools.ts";
import {
  poolPropertyOf,
  propertyChanges,
  systemPropertyText,
  visibleProperties,
} from "../../system/properties.ts";
import type { Core } from "./core.ts";
import { callPool } from "./pool-calls.ts";

/** Attributes and properties of the system. */
export function attributeMethods(core: Core) {
  const facts = { version: core.deps.version, systemName: core.deps.systemName };
  return {
    systemSetAttr: {
      roles: ["admin"] as const,
      async handle(request: SystemSetAttrReq): Promise<MessageInitShape<typeof DaosRespSchema>> {
        core.leader();
        await core.decide(() => ({ changes: attributeChanges(request.attributes), answer: undefined }));
        return {};
      },
    },
    systemGetAttr: {
      roles: ["admin"] as const,
      async handle(request: SystemGetAttrReq) {
        await core.confirm();
        return { attributes: visibleAttributes(core.replica(), request.keys) };
      },
    },
    systemSetProp: {
      roles: ["admin"] as const,
      async handle(request: SystemSetPropReq): Promise<MessageInitShape<typeof DaosRespSchema>> {
        core.leader();
        await core.decide(() => ({ changes: propertyChanges(request.properties), answer: undefined }));
        await updatePools(core, request.sys, poolProperties(core, Object.keys(request.properties)));
        return {};
      },
    },
    systemGetProp: {
      roles: ["admin"] as const,
      async handle(request: SystemGetPropReq) {
        await core.confirm();
        return { properties: visibleProperties(core.replica({ whileChecking: true }), request.keys, facts) };
      },
    },
  };
}

/** Those of the named system properties that are pool properties too, as they are now. */
function poolProperties(core: Core, names: readonly string[]): PoolProperty[] {
  const { version, systemName } = core.deps;
  const state = core.leader();
  return names.flatMap((name) => {
    const asPool = poolPropertyOf(name, systemPropertyText(state, name, { version, systemName }));
    if (asPool === undefined) return [];
    const { number, value } = asPool;
    return [create(PoolPropertySchema, { number, value: { case: "numval", value } })];
  });
}

/** Pools that exist follow the system; new ones do from their creation. */
async function updatePools(core: Core, sys: string, properties: PoolProperty[]): Promise<void> {
  if (properties.length === 0) return;
  for (const { uuid } of listPools(core.leader(), false)) {
    const request = create(PoolSetPropReqSchema, { sys, id: uuid, properties });
    const { status } = await callPool(
      core,
      MgmtMethod.POOL_SET_PROP,
      PoolSetPropReqSchema,
      request,
      PoolSetPropRespSchema,
    );
    if (status !== 0) throw daosStatusError(status);
  }
}
