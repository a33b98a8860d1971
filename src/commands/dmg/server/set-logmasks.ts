import { defineCommand } from "citty";
import { hostErrorsSummary } from "../../../client/host-results.ts";
import { foldHosts } from "../../../client/hostset.ts";
import { setEngineLogMasks } from "../../../client/server.ts";
import { pluralWord } from "../../../client/words.ts";
import { text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { runDmg } from "../session.ts";
import { hashKey, hostErrorsDocument, hostErrorsText } from "../views/common.ts";
import { hostStorageDocument } from "../views/storage.ts";

export const command = defineCommand({
  meta: {
    name: "set-logmasks",
    alias: "slm",
    description: "Set log levels, debug streams and subsystems of all running engines of servers",
  },
  args: {
    ...hostList,
    masks: {
      type: "string",
      alias: "m",
      description:
        "Levels as D_LOG_MASK takes them: LEVEL or PREFIX=LEVEL,... (default: log_mask of daos_server.yml)",
      valueHint: "masks",
    },
    streams: {
      type: "string",
      alias: "d",
      description: "Debug streams as DD_MASK takes them (default: those of daos_server.yml; empty: all)",
      valueHint: "streams",
    },
    subsystems: {
      type: "string",
      alias: "s",
      description: "Subsystems as DD_SUBSYS takes them (default: those of daos_server.yml; empty: all)",
      valueHint: "subsystems",
    },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true, failure: "set engine log level failed" }, async (session) => {
      const { errors, hosts } = await setEngineLogMasks(await session.client(), {
        masks: text(args, "masks"),
        streams: text(args, "streams"),
        subsystems: text(args, "subsystems"),
      });
      const storage = hostStorageDocument({});
      return {
        response: {
          host_errors: hostErrorsDocument(errors),
          HostStorage:
            hosts.length === 0 ? null : { [hashKey("log-masks")]: { storage, hosts: foldHosts(hosts) } },
        },
        text:
          hosts.length === 0
            ? ""
            : `Engine log-masks updated successfully on the following ${pluralWord(hosts.length, "host")}: ${foldHosts(hosts)}`,
        warnings: hostErrorsText(errors),
        error: hostErrorsSummary(errors),
      };
    }),
});
