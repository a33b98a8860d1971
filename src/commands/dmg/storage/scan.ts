import { defineCommand } from "citty";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { storageScan } from "../../../client/storage.ts";
import { flag } from "../arguments.ts";
import { hostList } from "../options.ts";
import { hostProgress } from "../progress.ts";
import { runDmg } from "../session.ts";
import { hostErrorsText } from "../views/common.ts";
import { storageScanDocument, storageScanText } from "../views/storage.ts";
import { nvmeHealthText } from "../views/storage-health.ts";

export const command = defineCommand({
  meta: { name: "scan", description: "Show the SCM and NVMe storage of servers" },
  args: {
    ...hostList,
    verbose: { type: "boolean", alias: "v", description: "List SCM & NVMe device details" },
    "nvme-health": { type: "boolean", alias: "n", description: "Display NVMe device health statistics" },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const verbose = flag(args, "verbose");
      const nvmeHealth = flag(args, "nvme-health");
      if (verbose && nvmeHealth) throw new Error("cannot use --verbose with --nvme-health");
      const client = await session.client();
      const progress = hostProgress(session, "scanning storage", client.hosts.length);
      const answer = await storageScan(client, { nvmeHealth, nvmeBasic: !verbose && !nvmeHealth }, progress);
      return {
        response: storageScanDocument(answer),
        text: nvmeHealth ? nvmeHealthText(answer.groups) : storageScanText(answer.groups, { verbose }),
        warnings: hostErrorsText(answer.errors),
        error: hostErrorsSummary(answer.errors),
      };
    }),
});
