import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../drpc/methods.ts";
import type { ManagedInstance } from "../../engine/instance.ts";
import { engineEnv } from "../../engine/launch.ts";
import { mergeLogMasks } from "../../engine/log-masks.ts";
import { daosStatusText } from "../../faults/daos-status.ts";
import { errorText } from "../../faults/fault.ts";
import { type SetLogMasksReq, SetLogMasksReqSchema, SetLogMasksRespSchema } from "../../gen/ctl/server_pb.ts";
import type { CallContext } from "../method.ts";
import type { ControlDeps } from "./deps.ts";

/** The request as one engine gets it: "reset" means what its configuration says, subsystems go into the masks. */
function engineRequest(instance: ManagedInstance, request: SetLogMasksReq): SetLogMasksReq {
  const { config } = instance;
  const env = engineEnv({ ...config, logMask: undefined }, { fabricDomain: undefined }, process.env);
  const masks = request.resetMasks ? (config.logMask ?? "") : request.masks;
  if (masks === "") throw new Error(`empty log masks in ${request.resetMasks ? "config" : "request"}`);
  const subsystems = request.resetSubsystems ? (env["DD_SUBSYS"] ?? "") : request.subsystems;
  return create(SetLogMasksReqSchema, {
    ...request,
    masks: mergeLogMasks(masks, subsystems),
    streams: request.resetStreams ? (env["DD_MASK"] ?? "") : request.streams,
    subsystems: "",
  });
}

async function setOne(
  instance: ManagedInstance,
  request: SetLogMasksReq,
  signal: AbortSignal,
): Promise<string> {
  try {
    const body = toBinary(SetLogMasksReqSchema, engineRequest(instance, request));
    const answer = await instance.callDrpc(MgmtMethod.SET_LOG_MASKS, body, { signal });
    const { status } = fromBinary(SetLogMasksRespSchema, answer);
    return status === 0 ? "" : daosStatusText(status);
  } catch (error) {
    return errorText(error);
  }
}

/** Changes what the engines log while they run; one error text per engine, "" where it went well. */
export async function setEngineLogMasks(
  deps: ControlDeps,
  request: SetLogMasksReq,
  context: CallContext,
): Promise<MessageInitShape<typeof SetLogMasksRespSchema>> {
  const { instances } = deps.harness;
  return { errors: await Promise.all(instances.map((one) => setOne(one, request, context.signal))) };
}
