import type { AccessControlList } from "../../../client/acl.ts";
import type { PoolPropertyReading } from "../../../client/pool-settings.ts";
import type { Json } from "../../../ui/json.ts";
import { formatTable } from "../../../ui/table.ts";
import { listOrNull } from "./common.ts";

export function poolPropertiesDocument(properties: readonly PoolPropertyReading[]): Json {
  return properties.map(({ definition, value }) => ({
    name: definition.name,
    description: definition.description,
    value: definition.toJson(value),
  }));
}

export function poolPropertiesText(pool: string, properties: readonly PoolPropertyReading[]): string {
  const rows = properties.map(({ definition, value }) => ({
    Name: `${definition.description} (${definition.name})`,
    Value: definition.format(value),
  }));
  return `Pool ${pool} properties:\n${formatTable(["Name", "Value"], rows)}`;
}

export function aclDocument(acl: AccessControlList): Json {
  return {
    ACL: {
      entries: listOrNull(acl.entries),
      owner_user: acl.ownerUser,
      owner_group: acl.ownerGroup,
    },
  };
}
