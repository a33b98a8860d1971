import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { EngineCaller } from "../../engine/types.ts";
import { isFault } from "../../faults/fault.ts";

export interface EngineCallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Calls a method of the engine with messages in place of bytes.
 * @throws Fault 610 or 611 when no engine of this server takes calls.
 */
export async function callEngine<I extends DescMessage, O extends DescMessage>(
  engine: EngineCaller,
  method: number,
  input: I,
  request: MessageInitShape<I>,
  output: O,
  options: EngineCallOptions = {},
): Promise<MessageShape<O>> {
  const body = await engine.callDrpc(method, toBinary(input, create(input, request)), options);
  try {
    return fromBinary(output, body);
  } catch (error) {
    throw new Error(`unmarshal ${output.name.replace(/Resp$/, "")} response: ${String(error)}`, {
      cause: error,
    });
  }
}

/** The engines of this server have not started, or are not ready for calls yet. */
export function isEngineNotReady(error: unknown): boolean {
  return isFault(error, 610) || isFault(error, 611);
}
