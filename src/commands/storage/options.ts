import fs from "node:fs";
import { defaultServerConfigPath } from "../../config/defaults.ts";
import { loadServerConfig } from "../../config/server.ts";
import type { ServerConfig } from "../../config/types.ts";
import type { HelperOptions } from "../../helper/client.ts";

/** Options of every command that looks at or changes the storage of this host. */
export const hostOptions = {
  "ignore-config": {
    type: "boolean",
    description: "Ignore parameters set in config file when running command",
  },
  config: {
    type: "string",
    alias: "o",
    description: `Server config file path (default: ${defaultServerConfigPath}, if it is there)`,
    valueHint: "path",
  },
  "helper-log-file": {
    type: "string",
    alias: "l",
    description: "Log file of the privileged helper",
    valueHint: "path",
  },
} as const;

/** Options of `prepare` and `reset` of NVMe. */
export const nvmeOptions = {
  "pci-allow-list": {
    type: "positional",
    required: false,
    description: "PCI addresses to handle, commas between them (default: all NVMe devices)",
    valueHint: "address,...",
  },
  "pci-block-list": {
    type: "string",
    description: "PCI addresses to leave alone, commas between them",
    valueHint: "address,...",
  },
  "target-user": {
    type: "string",
    alias: "u",
    description: "User that will own the huge pages and the VFIO groups (default: who runs this)",
    valueHint: "user",
  },
  "disable-vfio": { type: "boolean", description: "Use the UIO driver for NVMe device access" },
  "dry-run": { type: "boolean", description: "Print what would be done, and do nothing" },
} as const;

export const socketOption = {
  socket: {
    type: "string",
    description: "Only PMem of this socket (default: all sockets)",
    valueHint: "number",
  },
} as const;

type Args = Readonly<Record<string, unknown>>;

export function flag(args: Args, name: string): boolean {
  return args[name] === true;
}

export function text(args: Args, name: string): string {
  const value = args[name];
  return typeof value === "string" ? value : "";
}

/** @throws Error when the option was given and is no whole number. */
export function wholeNumber(args: Args, name: string): number | undefined {
  const value = text(args, name);
  if (value === "") return undefined;
  if (!/^\d+$/.test(value)) throw new Error(`--${name} takes a whole number, not "${value}"`);
  return Number(value);
}

/** The server's configuration, if there is one: it is not an error to have none unless it was named. */
export async function optionalConfig(args: Args): Promise<ServerConfig | undefined> {
  if (flag(args, "ignore-config")) return undefined;
  const named = text(args, "config");
  if (named === "" && !fs.existsSync(defaultServerConfigPath)) return undefined;
  return loadServerConfig(named === "" ? defaultServerConfigPath : named);
}

/** Where what helpers say goes: to the named file, else nowhere. */
export function helperOptions(args: Args): HelperOptions {
  const file = text(args, "helper-log-file");
  if (file === "") return {};
  return {
    onLine(line) {
      fs.appendFileSync(file, `${new Date().toISOString()} ${line}\n`);
    },
  };
}
