/** Attributes and properties of a system. */
import { wrapError } from "../faults/cause.ts";
import { DaosRespSchema } from "../gen/mgmt/svc_pb.ts";
import {
  SystemGetAttrReqSchema,
  SystemGetAttrRespSchema,
  SystemGetPropReqSchema,
  SystemGetPropRespSchema,
  SystemSetAttrReqSchema,
  SystemSetPropReqSchema,
} from "../gen/mgmt/system_pb.ts";
import type { DmgClient } from "./context.ts";
import { invokeLeader } from "./invoker.ts";
import { systemProperties } from "./system-properties.ts";
import { unary } from "./unary.ts";

const rpc = {
  setAttr: unary("mgmt.MgmtSvc", "SystemSetAttr", SystemSetAttrReqSchema, DaosRespSchema),
  getAttr: unary("mgmt.MgmtSvc", "SystemGetAttr", SystemGetAttrReqSchema, SystemGetAttrRespSchema),
  setProp: unary("mgmt.MgmtSvc", "SystemSetProp", SystemSetPropReqSchema, DaosRespSchema),
  getProp: unary("mgmt.MgmtSvc", "SystemGetProp", SystemGetPropReqSchema, SystemGetPropRespSchema),
};

/** Sets attributes; an empty value deletes. */
export async function setSystemAttributes(
  client: DmgClient,
  attributes: ReadonlyMap<string, string>,
): Promise<void> {
  if (attributes.size === 0) throw new Error("attributes cannot be empty");
  const request = { sys: client.sys, attributes: Object.fromEntries(attributes) };
  await invokeLeader(rpc.setAttr, client.hosts, request, client);
}

/** Attributes by name, sorted; all for no keys. */
export async function getSystemAttributes(
  client: DmgClient,
  keys: readonly string[],
): Promise<Map<string, string>> {
  const request = { sys: client.sys, keys: [...keys] };
  const answer = await invokeLeader(rpc.getAttr, client.hosts, request, client);
  return new Map(Object.entries(answer.attributes).sort(([left], [right]) => (left < right ? -1 : 1)));
}

export async function setSystemProperties(
  client: DmgClient,
  properties: ReadonlyMap<string, string>,
): Promise<void> {
  if (properties.size === 0) throw new Error("properties cannot be empty");
  const request = { sys: client.sys, properties: Object.fromEntries(properties) };
  try {
    await invokeLeader(rpc.setProp, client.hosts, request, client);
  } catch (error) {
    throw wrapError("system set-prop failed", error);
  }
}

export interface SystemPropertyValue {
  readonly key: string;
  readonly value: string;
  readonly description: string;
}

/** Properties that we know, sorted by name; all for no keys. */
export async function getSystemProperties(
  client: DmgClient,
  keys: readonly string[],
): Promise<SystemPropertyValue[]> {
  const request = { sys: client.sys, keys: [...keys] };
  const answer = await invokeLeader(rpc.getProp, client.hosts, request, client);
  return Object.entries(answer.properties)
    .flatMap(([key, value]) => {
      const property = systemProperties.get(key);
      return property === undefined ? [] : [{ key, value, description: property.description }];
    })
    .sort((left, right) => (left.key < right.key ? -1 : 1));
}
