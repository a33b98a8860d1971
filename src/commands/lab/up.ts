import { defineCommand } from "citty";
import { badConfig } from "../../faults/config.ts";
import { count, dirArgument, layoutOf } from "./arguments.ts";

export const command = defineCommand({
  meta: {
    name: "up",
    description: "Bring a lab up: certificates, servers, storage, ranks, a pool and an agent",
  },
  args: {
    dir: dirArgument,
    servers: { type: "string", description: "Number of servers (default: 3)", valueHint: "number" },
    replicas: {
      type: "string",
      description: "Servers that hold the management service: 1, 3 or 5 (default: 1)",
      valueHint: "number",
    },
    engines: { type: "string", description: "Engines of each server (default: 1)", valueHint: "number" },
    targets: { type: "string", description: "Targets of each engine (default: 4)", valueHint: "number" },
    port: {
      type: "string",
      description: "First port; the others follow it (default: free ones)",
      valueHint: "port",
    },
    insecure: { type: "boolean", description: "Without certificates and encryption" },
    engine: {
      type: "string",
      description: "Run this daos_engine instead of the lab's own",
      valueHint: "path",
    },
    "real-engine": { type: "boolean", description: "Run the daos_engine found on PATH" },
    tmpfs: { type: "boolean", description: "Mount tmpfs for ram tiers instead of folders (root only)" },
    detach: { type: "boolean", alias: "d", description: "Leave it running and come back" },
    exit: { type: "boolean", description: "Stop everything again once it is up" },
  },
  async run({ args }) {
    if (args.detach && args.exit)
      throw badConfig("--detach and --exit contradict each other", "use one of them");
    const options = {
      detach: args.detach === true,
      exit: args.exit === true,
      servers: count(args.servers, "servers", 1, 100),
      replicas: count(args.replicas, "replicas", 1, 9),
      engines: count(args.engines, "engines", 1, 16),
      targets: count(args.targets, "targets", 1, 64),
      port: count(args.port, "port", 1, 65_535),
      // A flag that is not there says nothing: a lab that exists keeps what it was made with.
      insecure: args.insecure ? true : undefined,
      tmpfs: args.tmpfs ? true : undefined,
      engine: args.engine,
      realEngine: args["real-engine"] === true,
    };
    const { labUp } = await import("../../lab/up.ts");
    await labUp(layoutOf(args.dir), options);
  },
});
