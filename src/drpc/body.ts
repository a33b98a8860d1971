import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { DrpcStatusError, Status } from "./status.ts";
import type { DrpcHandler, DrpcSession } from "./types.ts";

/** @throws DrpcStatusError FAILED_UNMARSHAL_PAYLOAD when the body is not a `schema` message. */
export function decodeBody<D extends DescMessage>(schema: D, body: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, body);
  } catch (error) {
    throw new DrpcStatusError(Status.FAILED_UNMARSHAL_PAYLOAD, `${schema.typeName}: ${String(error)}`);
  }
}

/** @throws DrpcStatusError FAILED_MARSHAL when a value does not fit its field. */
export function encodeBody<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Uint8Array {
  try {
    return toBinary(schema, create(schema, message));
  } catch (error) {
    throw new DrpcStatusError(Status.FAILED_MARSHAL, `${schema.typeName}: ${String(error)}`);
  }
}

/** A handler that takes and gives messages in place of bytes. */
export function drpcMethod<Req extends DescMessage, Resp extends DescMessage>(
  request: Req,
  response: Resp,
  handle: (
    message: MessageShape<Req>,
    session: DrpcSession,
  ) => MessageInitShape<Resp> | Promise<MessageInitShape<Resp>>,
): DrpcHandler {
  return (body, session) => {
    const answer = handle(decodeBody(request, body), session);
    return answer instanceof Promise
      ? answer.then((message) => encodeBody(response, message))
      : encodeBody(response, answer);
  };
}
