import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "lab", description: "Bring up a whole DAOS system on this machine, to try things out" },
  subCommands: {
    up: () => import("./up.ts").then((module) => module.command),
    down: () => import("./down.ts").then((module) => module.command),
    status: () => import("./status.ts").then((module) => module.command),
    env: () => import("./env.ts").then((module) => module.command),
    logs: () => import("./logs.ts").then((module) => module.command),
    container: () => import("./container.ts").then((module) => module.command),
    engine: () => import("./engine.ts").then((module) => module.command),
  },
});
