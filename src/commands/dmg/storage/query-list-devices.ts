import { defineCommand } from "citty";
import { flag, rankOrAll, text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { smdQueryCommand } from "./smd-query.ts";

export const command = defineCommand({
  meta: { name: "list-devices", description: "List storage devices on the server" },
  args: {
    ...hostList,
    rank: { type: "string", alias: "r", description: "Only devices of this rank", valueHint: "rank" },
    health: { type: "boolean", alias: "b", description: "Include device health in results" },
    uuid: {
      type: "string",
      alias: "u",
      description: "Device UUID (all devices if blank)",
      valueHint: "uuid",
    },
    "show-evicted": { type: "boolean", alias: "e", description: "Show only evicted faulty devices" },
  },
  run: ({ args }) =>
    smdQueryCommand(args, {
      omitPools: true,
      health: flag(args, "health"),
      rank: rankOrAll(args),
      uuid: text(args, "uuid") ?? "",
      evictedOnly: flag(args, "show-evicted"),
    }),
});
