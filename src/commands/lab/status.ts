import { defineCommand } from "citty";
import { printJson } from "../../ui/json.ts";
import { dirArgument, layoutOf } from "./arguments.ts";

export const command = defineCommand({
  meta: { name: "status", description: "Say what of a lab runs; exit status 1 unless all of it does" },
  args: {
    dir: dirArgument,
    json: { type: "boolean", alias: "j", description: "Print the status as JSON" },
  },
  async run({ args }) {
    const layout = layoutOf(args.dir);
    const { requireRecord } = await import("../../lab/record.ts");
    const { labStatus, statusText } = await import("../../lab/status.ts");
    const status = await labStatus(layout, await requireRecord(layout));
    if (args.json)
      printJson({
        ...status,
        programs: status.programs.map((p) => ({ ...p })),
        ranks: status.ranks.map((r) => ({ ...r })),
      });
    else console.log(statusText(status));
    if (status.state !== "up") process.exitCode = 1;
  },
});
