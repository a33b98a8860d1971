import { defineCommand } from "citty";

export const command = defineCommand({
  meta: { name: "led", description: "Manage LED status for supported drives." },
  subCommands: {
    check: () => import("./led-check.ts").then((module) => module.command),
    identify: () => import("./led-identify.ts").then((module) => module.command),
  },
});
