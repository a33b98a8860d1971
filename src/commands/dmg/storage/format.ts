import { defineCommand } from "citty";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { storageFormat, storageScan } from "../../../client/storage.ts";
import { flag, text } from "../arguments.ts";
import { confirm } from "../confirm.ts";
import { dryRun, hostList } from "../options.ts";
import { hostProgress } from "../progress.ts";
import { runDmg } from "../session.ts";
import { hostErrorsText, printableHosts } from "../views/common.ts";
import { storageFormatDocument, storageFormatText, storageScanText } from "../views/storage.ts";

export const command = defineCommand({
  meta: { name: "format", description: "Format the SCM and NVMe storage of servers" },
  args: {
    ...hostList,
    verbose: { type: "boolean", alias: "v", description: "Show the result of every device" },
    force: {
      type: "boolean",
      description: "Format storage that is formatted already, stopping engines that run (destroys data)",
    },
    ...dryRun,
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true }, async (session) => {
      const reformat = flag(args, "force");
      const client = await session.client();
      if (flag(args, "dry-run")) {
        const { errors, groups } = await storageScan(client, { nvmeBasic: true });
        return {
          text: `Would format${reformat ? " anew, destroying all data," : ""} on ${printableHosts(client.hosts)}:\n${storageScanText(groups, { verbose: false })}`,
          warnings: hostErrorsText(errors),
          error: hostErrorsSummary(errors),
        };
      }
      if (reformat) await confirm(session, `All data on ${printableHosts(client.hosts)} will be destroyed.`);
      const explicitHosts = text(args, "host-list") !== undefined;
      const progress = hostProgress(session, "formatting storage", client.hosts.length);
      const answer = await storageFormat(client, { reformat, explicitHosts }, progress);
      return {
        response: storageFormatDocument(answer),
        text: storageFormatText(answer.groups, { verbose: flag(args, "verbose") }),
        warnings: hostErrorsText(answer.errors),
        error: hostErrorsSummary(answer.errors),
      };
    }),
});
