import { defineCommand } from "citty";
import { flag, required, text } from "../arguments.ts";
import { askConsent } from "../confirm.ts";
import { hostList } from "../options.ts";
import { smdManageCommand } from "./smd-manage.ts";

export const command = defineCommand({
  meta: { name: "nvme-faulty", description: "Manually set the device state of an NVMe SSD to FAULTY." },
  args: {
    ...hostList,
    uuid: {
      type: "string",
      alias: "u",
      required: true,
      description: "Device UUID to set",
      valueHint: "uuid",
    },
    force: { type: "boolean", alias: "f", description: "Do not require confirmation" },
  },
  run: ({ args }) =>
    smdManageCommand(args, async (session) => {
      session.notice("This command will permanently mark the device as unusable!");
      if (!flag(args, "force") && !session.json) {
        await askConsent("");
      }
      return { kind: "set-faulty", uuid: required(text(args, "uuid"), "uuid") };
    }),
});
