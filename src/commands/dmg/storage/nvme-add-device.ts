import { defineCommand } from "citty";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { parseHostSet } from "../../../client/hostset.ts";
import { nvmeAddDevice } from "../../../client/storage.ts";
import { int32, required, text, uint32 } from "../arguments.ts";
import { hostList } from "../options.ts";
import { runDmg } from "../session.ts";
import { hostErrorsDocument, hostErrorsText } from "../views/common.ts";

export const command = defineCommand({
  meta: {
    name: "nvme-add-device",
    description: "Add a hot-inserted NVMe SSD to an engine, so that the new device can be used.",
  },
  args: {
    ...hostList,
    "pci-address": {
      type: "string",
      alias: "a",
      required: true,
      description: "PCI address of the NVMe SSD.",
      valueHint: "address",
    },
    "engine-index": {
      type: "string",
      alias: "e",
      required: true,
      description: "Index of DAOS engine to add NVMe device to.",
      valueHint: "index",
    },
    "tier-index": {
      type: "string",
      alias: "t",
      default: "-1",
      description: "Index of the storage tier on that engine; -1: its first tier of block devices.",
      valueHint: "index",
    },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      if (parseHostSet(text(args, "host-list") ?? "").length !== 1) {
        throw new Error("command expects a single host in hostlist");
      }
      const client = await session.client();
      const errors = await nvmeAddDevice(client, {
        pciAddr: required(text(args, "pci-address"), "pci-address"),
        engineIndex: required(uint32(args, "engine-index"), "engine-index"),
        tierIndex: int32(args, "tier-index") ?? -1,
      });
      return {
        response: { host_errors: hostErrorsDocument(errors) },
        text: errors.size === 0 ? "Command completed successfully" : "",
        warnings: hostErrorsText(errors),
        error: hostErrorsSummary(errors),
      };
    }),
});
