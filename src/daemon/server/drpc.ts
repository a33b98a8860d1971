import { stat } from "node:fs/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { DrpcModule, SrvMethod } from "../../drpc/methods.ts";
import { DrpcStatusError, Status } from "../../drpc/status.ts";
import type { DrpcHandler, DrpcModules } from "../../drpc/types.ts";
import type { ManagedHarness } from "../../engine/harness.ts";
import { type NotifyReadyReq, NotifyReadyReqSchema } from "../../gen/srv/srv_pb.ts";
import type { Logger } from "../../log/logger.ts";

function decode(body: Uint8Array): NotifyReadyReq {
  try {
    return fromBinary(NotifyReadyReqSchema, body);
  } catch {
    throw new DrpcStatusError(Status.FAILED_UNMARSHAL_PAYLOAD, "NotifyReady");
  }
}

/** An engine is up and listens: it gets its rank. The answer is empty. */
function notifyReadyHandler(harness: ManagedHarness, log: Logger): DrpcHandler {
  return async (body) => {
    const request = decode(body);
    const instance = harness.instances[request.instanceIdx];
    const refuse = (why: string): never => {
      log.error(`NotifyReady refused: ${why}`);
      throw new DrpcStatusError(Status.FAILURE, why);
    };
    if (instance === undefined) {
      return refuse(
        `instance index ${request.instanceIdx} is out of range (${harness.instances.length} instances)`,
      );
    }
    const socket = request.drpcListenerSock;
    const found = await stat(socket).catch(() => undefined);
    if (!found?.isSocket()) return refuse(`path "${socket}" is not a socket`);
    instance.notifyReady(request);
    return new Uint8Array();
  };
}

/** Joins the tables of several rooms; a later one adds to a module that an earlier one has. */
export function mergeModules(...tables: readonly DrpcModules[]): DrpcModules {
  const merged: Record<number, Record<number, DrpcHandler>> = {};
  for (const table of tables) {
    for (const [module, methods] of Object.entries(table)) {
      merged[Number(module)] = { ...merged[Number(module)], ...methods };
    }
  }
  return merged;
}

/** The server's own part of the SRV module. */
export function engineModules(harness: ManagedHarness, log: Logger): DrpcModules {
  return { [DrpcModule.SRV]: { [SrvMethod.NOTIFY_READY]: notifyReadyHandler(harness, log) } };
}
