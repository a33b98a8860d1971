import { defineCommand } from "citty";

/**
 * `daosctl lab engine`: an emulated engine in the place of daos_engine. Takes that program's arguments as
 * they are, so nothing of them is declared here.
 */
export const command = defineCommand({
  meta: {
    name: "engine",
    description: "Run an emulated engine (takes daos_engine's arguments; started by a lab's servers)",
  },
  async run({ rawArgs }) {
    const { runEmulatedEngine } = await import("../../lab/engine/main.ts");
    await runEmulatedEngine(rawArgs);
  },
});
