/** Properties of a pool that exists. */
import { wrapError } from "../faults/cause.ts";
import {
  PoolGetPropReqSchema,
  PoolGetPropRespSchema,
  PoolSetPropReqSchema,
  PoolSetPropRespSchema,
} from "../gen/mgmt/pool_pb.ts";
import type { DmgClient } from "./context.ts";
import { invokeLeader } from "./invoker.ts";
import { type PoolPropertyValue, poolRetry, wireProperty } from "./pool.ts";
import { type PoolPropertyDef, type PropertyValue, poolProperties } from "./pool-properties.ts";
import { unary } from "./unary.ts";

const rpc = {
  set: unary("mgmt.MgmtSvc", "PoolSetProp", PoolSetPropReqSchema, PoolSetPropRespSchema),
  get: unary("mgmt.MgmtSvc", "PoolGetProp", PoolGetPropReqSchema, PoolGetPropRespSchema),
};

export async function setPoolProperties(
  client: DmgClient,
  pool: string,
  properties: readonly PoolPropertyValue[],
): Promise<void> {
  if (properties.length === 0) throw new Error("empty properties list in PoolSetProp()");
  const request = { sys: client.sys, id: pool, properties: properties.map(wireProperty) };
  try {
    await invokeLeader(rpc.set, client.hosts, request, client, poolRetry);
  } catch (error) {
    throw wrapError("pool set-prop failed", error);
  }
}

export interface PoolPropertyReading {
  readonly definition: PoolPropertyDef;
  readonly value: PropertyValue;
}

/** The properties called `names`, in that order; those the engine does not know are left out. */
export async function getPoolProperties(
  client: DmgClient,
  pool: string,
  names: readonly string[],
): Promise<PoolPropertyReading[]> {
  const definitions = names.map((name) => {
    const definition = poolProperties.get(name);
    if (definition === undefined) throw new Error(`unknown property "${name}"`);
    return definition;
  });
  const wanted = definitions.map(({ number }) => wireProperty({ number, value: undefined }));
  const request = { sys: client.sys, id: pool, properties: wanted };
  const answer = await invokeLeader(rpc.get, client.hosts, request, client, poolRetry);
  const values = new Map<number, PropertyValue>();
  for (const { number, value } of answer.properties) {
    if (values.has(number)) throw new Error(`got > 1 ${number} in response`);
    if (value.case !== undefined) values.set(number, value.value);
  }
  return definitions.flatMap((definition) => {
    const value = values.get(definition.number);
    return value === undefined ? [] : [{ definition, value }];
  });
}
