import { defineCommand } from "citty";
import { flag, text, uint32 } from "../arguments.ts";
import { hostList } from "../options.ts";
import { ledIds, smdManageCommand } from "./smd-manage.ts";

export const command = defineCommand({
  meta: {
    name: "identify",
    description: "Blink the status LED on specified VMD device. Default duration is 2 minutes.",
  },
  args: {
    ...ledIds,
    ...hostList,
    timeout: {
      type: "string",
      description: "Number of minutes to blink the status LED for",
      valueHint: "minutes",
    },
    reset: {
      type: "boolean",
      description: "Reset blinking LED on specified VMD device back to previous state",
    },
  },
  run: ({ args }) =>
    smdManageCommand(args, async () => {
      const ids = text(args, "ids") ?? "";
      const minutes = uint32(args, "timeout") ?? 0;
      if (!flag(args, "reset")) return { kind: "led-blink", ids, minutes };
      if (minutes !== 0) throw new Error("timeout option can not be set at the same time as reset");
      return { kind: "led-reset", ids };
    }),
});
