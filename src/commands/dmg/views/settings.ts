import type { SystemPropertyValue } from "../../../client/system-settings.ts";
import type { Json } from "../../../ui/json.ts";
import { formatTable } from "../../../ui/table.ts";

export function attributesDocument(attributes: ReadonlyMap<string, string>): Json {
  return { attributes: attributes.size === 0 ? null : new Map(attributes) };
}

export function attributesText(attributes: ReadonlyMap<string, string>): string {
  if (attributes.size === 0) return "No system attributes found.";
  return formatTable(
    ["Name", "Value"],
    [...attributes].map(([name, value]) => ({ Name: name, Value: value })),
  );
}

export function systemPropertiesDocument(properties: readonly SystemPropertyValue[]): Json {
  if (properties.length === 0) return null;
  return properties.map(({ key, value, description }) => ({ key, value, description }));
}

export function systemPropertiesText(properties: readonly SystemPropertyValue[]): string {
  if (properties.length === 0) return "No system properties found.";
  const rows = properties.map(({ key, value, description }) => ({
    Name: `${description} (${key})`,
    Value: value,
  }));
  return formatTable(["Name", "Value"], rows);
}
