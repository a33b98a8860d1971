import { defineCommand } from "citty";
import { dirArgument, layoutOf } from "./arguments.ts";

export const command = defineCommand({
  meta: { name: "down", description: "Stop a lab; its data stays unless --purge is given" },
  args: {
    dir: dirArgument,
    purge: { type: "boolean", description: "Remove its folder with everything in it" },
  },
  async run({ args }) {
    const layout = layoutOf(args.dir);
    const { labDown } = await import("../../lab/down.ts");
    console.log(await labDown(layout, args.purge === true));
  },
});
