import { defineCommand } from "citty";
import { rankOrAll, text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { smdQueryCommand } from "./smd-query.ts";

export const command = defineCommand({
  meta: { name: "list-pools", description: "List pools with NVMe on the server" },
  args: {
    ...hostList,
    rank: { type: "string", alias: "r", description: "Only pools of this rank", valueHint: "rank" },
    uuid: { type: "string", alias: "u", description: "Pool UUID (all pools if blank)", valueHint: "uuid" },
    verbose: { type: "boolean", alias: "v", description: "Show more detail about pools" },
  },
  run: ({ args }) =>
    smdQueryCommand(args, { omitDevices: true, rank: rankOrAll(args), uuid: text(args, "uuid") ?? "" }),
});
