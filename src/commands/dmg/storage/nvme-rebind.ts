import { defineCommand } from "citty";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { parseHostSet } from "../../../client/hostset.ts";
import { nvmeRebind } from "../../../client/storage.ts";
import { required, text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { runDmg } from "../session.ts";
import { hostErrorsDocument, hostErrorsText } from "../views/common.ts";

export const command = defineCommand({
  meta: {
    name: "nvme-rebind",
    description: "Detach NVMe SSD from kernel driver and rebind to userspace driver for use with DAOS.",
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
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      if (parseHostSet(text(args, "host-list") ?? "").length !== 1) {
        throw new Error("command expects a single host in hostlist");
      }
      const client = await session.client();
      const errors = await nvmeRebind(client, required(text(args, "pci-address"), "pci-address"));
      return {
        response: { host_errors: hostErrorsDocument(errors) },
        text: errors.size === 0 ? "Command completed successfully" : "",
        warnings: hostErrorsText(errors),
        error: hostErrorsSummary(errors),
      };
    }),
});
