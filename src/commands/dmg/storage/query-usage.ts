import { defineCommand } from "citty";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { storageScan } from "../../../client/storage.ts";
import { hostList } from "../options.ts";
import { hostProgress } from "../progress.ts";
import { runDmg } from "../session.ts";
import { hostErrorsText } from "../views/common.ts";
import { storageScanDocument, storageUsageText } from "../views/storage.ts";

export const command = defineCommand({
  meta: {
    name: "usage",
    description: "Show SCM & NVMe storage space utilization per storage server",
  },
  args: hostList,
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const client = await session.client();
      const progress = hostProgress(session, "querying usage", client.hosts.length);
      const answer = await storageScan(client, { usage: true }, progress);
      return {
        response: storageScanDocument(answer),
        text: storageUsageText(answer.groups),
        warnings: hostErrorsText(answer.errors),
        // 2.6 leaves host errors to the document here.
        error: session.json ? undefined : hostErrorsSummary(answer.errors),
      };
    }),
});
