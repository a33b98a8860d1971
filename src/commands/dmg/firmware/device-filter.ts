import type { DeviceFilter } from "../../../client/firmware.ts";
import { type Arguments, text } from "../arguments.ts";

/** Which devices are meant; by default all. */
export const deviceArgs = {
  devices: {
    type: "string",
    alias: "d",
    description: "Identifiers of devices, comma-separated",
    valueHint: "ids",
  },
  model: { type: "string", alias: "m", description: "Only devices of this model", valueHint: "model" },
  fwrev: {
    type: "string",
    alias: "f",
    description: "Only devices with this firmware revision",
    valueHint: "revision",
  },
  verbose: { type: "boolean", alias: "v", description: "Display verbose output" },
} as const;

export function deviceFilter(args: Arguments): DeviceFilter {
  const devices = text(args, "devices") ?? "";
  return {
    devices: devices === "" ? [] : devices.split(","),
    model: text(args, "model") ?? "",
    revision: text(args, "fwrev") ?? "",
  };
}
