import { defineCommand } from "citty";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { networkScan } from "../../../client/network.ts";
import { text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { hostProgress } from "../progress.ts";
import { runDmg } from "../session.ts";
import { hostErrorsText } from "../views/common.ts";
import { networkScanDocument, networkScanText } from "../views/network.ts";

export const command = defineCommand({
  meta: { name: "scan", description: "Show the network interfaces of servers and their providers" },
  args: {
    ...hostList,
    provider: {
      type: "string",
      alias: "p",
      description:
        "Only interfaces with this provider; all: every provider (default: the one of daos_server.yml)",
      valueHint: "provider",
    },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const client = await session.client();
      const progress = hostProgress(session, "scanning networks", client.hosts.length);
      const answer = await networkScan(client, text(args, "provider") ?? "", progress);
      return {
        response: networkScanDocument(answer),
        text: hostErrorsText(answer.errors) + networkScanText(answer.groups),
        // 2.6 leaves host errors to the document here.
        error: session.json ? undefined : hostErrorsSummary(answer.errors),
      };
    }),
});
