import { defineCommand } from "citty";
import { dirArgument, layoutOf } from "./arguments.ts";

export const command = defineCommand({
  meta: {
    name: "env",
    description: 'Print the shell lines that make a shell use a lab: eval "$(daosctl lab env)"',
  },
  args: { dir: dirArgument },
  async run({ args }) {
    const layout = layoutOf(args.dir);
    const { requireRecord } = await import("../../lab/record.ts");
    await requireRecord(layout);
    const { labEnvironment } = await import("../../lab/env.ts");
    console.log(labEnvironment(layout));
  },
});
