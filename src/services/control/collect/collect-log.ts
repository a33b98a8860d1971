import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { collectFromServer, type ServerFacts } from "../../../bundle/collect.ts";
import { parseLogRange } from "../../../bundle/log-range.ts";
import { activeConfigName } from "../../../config/to-yaml.ts";
import type { CollectLogReq, CollectLogRespSchema } from "../../../gen/ctl/support_pb.ts";
import type { CallContext } from "../../method.ts";
import type { ControlDeps } from "../deps.ts";

function serverFacts({ config, harness }: ControlDeps): ServerFacts {
  return {
    configFile: join(config.socketDir, activeConfigName),
    engineLogs: config.engines.flatMap(({ logFile }) => (logFile === undefined ? [] : [logFile])),
    controlLog: config.controlLogFile,
    helperLog: config.helperLogFile,
    runningEngines: harness.instances.filter((engine) => engine.isStarted()).map(({ index }) => index),
  };
}

/** Puts logs and facts of this server into a folder on it, for those who help. */
export async function collectLog(
  deps: ControlDeps,
  request: CollectLogReq,
  { signal }: CallContext,
): Promise<MessageInitShape<typeof CollectLogRespSchema>> {
  const { log } = deps;
  log.info(
    `Support CollectLog: Calling Log Function Enum: ${request.LogFunction}, And Cmd/Log: ${request.LogCmd}`,
  );
  const range = parseLogRange({
    startDate: request.LogStartDate,
    endDate: request.LogEndDate,
    startTime: request.LogStartTime,
    endTime: request.LogEndTime,
  });
  await collectFromServer(
    {
      step: request.LogFunction,
      target: request.TargetFolder,
      command: request.LogCmd,
      extraLogsDir: request.ExtraLogsDir,
      adminNode: request.AdminNode,
      stopOnError: request.StopOnError,
      range,
    },
    serverFacts(deps),
    { onProblem: (text) => log.error(text), signal },
  );
  return {};
}
