/** The arguments of `config generate`, those that dmg and daos_server share. */
import type { ArgsDef } from "citty";
import type { GenerateRequest } from "../../config/generate.ts";
import { type Arguments, flag, text, uint32 } from "./arguments.ts";

export const generateArgs = {
  "access-points": {
    type: "string",
    alias: "a",
    default: "localhost",
    description: "Addresses of the hosts that run the management service, comma-separated",
    valueHint: "addresses",
  },
  "num-engines": {
    type: "string",
    alias: "e",
    description: "Number of engines (default: the number of NUMA nodes)",
    valueHint: "number",
  },
  "scm-only": { type: "boolean", alias: "s", description: "Create a SCM-only config without NVMe SSDs." },
  "net-class": {
    type: "enum",
    alias: "c",
    options: ["ethernet", "infiniband"],
    default: "infiniband",
    description: "Class of network devices to be used",
  },
  "net-provider": {
    type: "string",
    alias: "p",
    description: "Fabric provider to be used",
    valueHint: "provider",
  },
  "use-tmpfs-scm": { type: "boolean", alias: "t", description: "Use tmpfs for scm rather than PMem" },
  "control-metadata-path": {
    type: "string",
    alias: "m",
    description: "Persistent place of the control plane's metadata; with --use-tmpfs-scm: metadata on SSD",
    valueHint: "path",
  },
  "fabric-ports": {
    type: "string",
    alias: "f",
    description: "Fabric ports, comma-separated, one an engine",
    valueHint: "ports",
  },
} satisfies ArgsDef;

export function generateRequest(args: Arguments): GenerateRequest {
  return {
    engineCount: uint32(args, "num-engines") ?? 0,
    netClass: text(args, "net-class") === "ethernet" ? "ethernet" : "infiniband",
    netProvider: text(args, "net-provider") ?? "",
    scmOnly: flag(args, "scm-only"),
    accessPoints: list(text(args, "access-points") ?? ""),
    fabricPorts: list(text(args, "fabric-ports") ?? "").map((port) => {
      if (!/^\d{1,5}$/.test(port)) throw new Error(`fabric ports: "${port}" is not a port`);
      return Number(port);
    }),
    tmpfsScm: flag(args, "use-tmpfs-scm"),
    controlMetadataPath: text(args, "control-metadata-path") ?? "",
  };
}

function list(value: string): string[] {
  return value.split(",").filter((item) => item !== "");
}
