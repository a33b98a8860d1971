import { defineCommand } from "citty";
import { text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { ledIds, smdManageCommand } from "./smd-manage.ts";

export const command = defineCommand({
  meta: { name: "check", description: "Retrieve the current LED state of specified VMD device." },
  args: { ...ledIds, ...hostList },
  run: ({ args }) =>
    smdManageCommand(args, async () => ({ kind: "led-check", ids: text(args, "ids") ?? "" })),
});
