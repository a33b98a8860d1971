import { defineCommand } from "citty";
import { dirArgument, layoutOf } from "./arguments.ts";

export const command = defineCommand({
  meta: { name: "logs", description: "Show the ends of a lab's logs" },
  args: {
    name: {
      type: "positional",
      required: false,
      description: 'A log ("s0", "s0.engine0", "s0.output", "agent"); all of them without a name',
    },
    dir: dirArgument,
    follow: { type: "boolean", alias: "f", description: "Go on with what is added, until Ctrl-C" },
  },
  async run({ args }) {
    const layout = layoutOf(args.dir);
    const { requireRecord } = await import("../../lab/record.ts");
    const { chooseLogs, logFiles, showLogs } = await import("../../lab/logs.ts");
    const files = chooseLogs(logFiles(layout, await requireRecord(layout)), args.name);
    const stop = new AbortController();
    if (args.follow)
      for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
    await showLogs(files, (text) => process.stdout.write(text), args.follow ? stop.signal : undefined);
  },
});
