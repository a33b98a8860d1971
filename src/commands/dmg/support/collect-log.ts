import { mkdir } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { defineCommand } from "citty";
import { archiveFolder } from "../../../bundle/files.ts";
import { Step } from "../../../bundle/steps.ts";
import { type CollectRequest, collectLog } from "../../../client/support.ts";
import { errorText } from "../../../faults/fault.ts";
import { startProgress } from "../../../ui/progress.ts";
import { collectFlags } from "../../host/collect-flags.ts";
import { type Arguments, flag, text } from "../arguments.ts";
import { hostList } from "../options.ts";
import { type Outcome, runDmg, type Session } from "../session.ts";
import { collectSummary, type StepErrors } from "../views/support.ts";
import { collectDmgOutputs, collectSystemQuery } from "./dmg-outputs.ts";
import { checkTimes, serverSteps } from "./steps.ts";

export const command = defineCommand({
  meta: { name: "collect-log", description: "Collect logs from servers" },
  args: {
    ...hostList,
    ...collectFlags,
    "log-type": {
      type: "string",
      alias: "e",
      description: "Only these logs and nothing else: admin,control,server",
      valueHint: "types",
    },
  },
  run: ({ args }) => runDmg(args, { hosts: true }, (session) => collect(session)),
});

async function collect(session: Session): Promise<Outcome> {
  const { args } = session;
  checkTimes(args);
  const steps = serverSteps(args);
  const folder = text(args, "target-folder") ?? defaultFolder();
  session.say(`Support logs will be copied to ${folder}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const client = await session.client();
  // Without a running system the rest would say little.
  await collectSystemQuery(session, folder);
  const stopOnError = flag(args, "stop-on-error");
  const failures: StepErrors[] = [];
  const progress = session.json ? undefined : startProgress("collecting logs", steps.length + 3, "step");
  const onServers = async (name: string, request: Omit<CollectRequest, "targetFolder">) => {
    const errors = await collectLog(client, { ...common(args), ...request, targetFolder: folder });
    progress?.step(name);
    if (errors.size === 0) return true;
    failures.push({ step: name, errors });
    if (stopOnError) throw new Error(`${name}: ${[...errors.keys()].join("; ")}`);
    return false;
  };
  try {
    for (const { name, request } of steps) await onServers(name, request);
    if (text(args, "log-type") === undefined) {
      await collectDmgOutputs(session, client, folder).catch((error: unknown) => {
        if (stopOnError) throw error;
        session.notice(errorText(error));
      });
    }
    const adminNode = hostname().split(".")[0]!;
    const copied = await onServers("rsync", { logFunction: Step.rsync, adminNode });
    if (flag(args, "archive")) {
      await archiveFolder(folder);
      // What could not be fetched is at least packed where it is.
      if (!copied) await onServers("archive", { logFunction: Step.archive, adminNode });
    }
  } finally {
    progress?.end();
  }
  return { text: collectSummary(failures) };
}

function common(args: Arguments): Partial<CollectRequest> {
  return {
    extraLogsDir: text(args, "extra-logs-dir") ?? "",
    startDate: text(args, "start-date") ?? "",
    endDate: text(args, "end-date") ?? "",
    startTime: text(args, "log-start-time") ?? "",
    endTime: text(args, "log-end-time") ?? "",
    stopOnError: flag(args, "stop-on-error"),
  };
}

function defaultFolder(): string {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return path.join(tmpdir(), `daos_support_server_logs_${now}`);
}
