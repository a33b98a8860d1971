import { defineCommand } from "citty";
import { flag, required, text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { smdManageCommand } from "./smd-manage.ts";

export const command = defineCommand({
  meta: { name: "nvme", description: "Replace an evicted/FAULTY NVMe SSD with another device." },
  args: {
    ...hostList,
    "old-uuid": {
      type: "string",
      required: true,
      description: "Device UUID of hot-removed SSD",
      valueHint: "uuid",
    },
    "new-uuid": {
      type: "string",
      required: true,
      description: "Device UUID of new device",
      valueHint: "uuid",
    },
    "no-reint": {
      type: "boolean",
      description: "Bypass reintegration of device and just bring back online.",
    },
  },
  run: ({ args }) =>
    smdManageCommand(args, async (session) => {
      const oldUuid = required(text(args, "old-uuid"), "old-uuid");
      const newUuid = required(text(args, "new-uuid"), "new-uuid");
      if (oldUuid === newUuid) session.notice("Attempting to reuse a previously set FAULTY device!");
      // No 2.6 engine can: it would reintegrate all the same.
      if (flag(args, "no-reint")) throw new Error("NoReint is not currently implemented");
      return { kind: "dev-replace", oldUuid, newUuid, noReint: false };
    }),
});
