import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { DrpcStatusError, Status } from "../../../drpc/status.ts";
import type { DrpcHandler } from "../../../drpc/types.ts";
import { Der, DerError, statusOf } from "../der.ts";
import { encodeLikeEngine } from "../encode.ts";
import type { EngineLog } from "../log.ts";

/** @throws DrpcStatusError FAILED_UNMARSHAL_PAYLOAD, as the engine answers a body it cannot read */
export function decodeBody<D extends DescMessage>(desc: D, body: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(desc, body);
  } catch (error) {
    throw new DrpcStatusError(Status.FAILED_UNMARSHAL_PAYLOAD, (error as Error).message);
  }
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * A UUID in lower case.
 * @throws DerError DER_INVAL
 */
export function parseUuid(text: string, what: string): string {
  if (!uuidPattern.test(text)) throw new DerError(Der.INVAL, `${what} UUID is invalid: "${text}"`);
  return text.toLowerCase();
}

/**
 * A handler as all of them are: decode, work, encode. What the work refuses becomes the answer's status
 * field (a dRPC status is for calls that could not be made at all).
 */
export function answering<Req extends DescMessage, Resp extends DescMessage>(
  log: EngineLog,
  requestDesc: Req,
  responseDesc: Resp,
  work: (request: MessageShape<Req>) => Promise<MessageInitShape<Resp>> | MessageInitShape<Resp>,
): DrpcHandler {
  return async (body) => {
    const request = decodeBody(requestDesc, body);
    log.debug(`received ${requestDesc.name}`);
    let response: MessageShape<Resp>;
    try {
      response = create(responseDesc, await work(request));
    } catch (error) {
      if (error instanceof DrpcStatusError) throw error;
      if (error instanceof DerError) log.error(`${requestDesc.name}: ${error.message}`);
      else log.error(`${requestDesc.name}: ${(error as Error).stack}`);
      response = create(responseDesc, { status: statusOf(error) } as unknown as MessageInitShape<Resp>);
    }
    return encodeLikeEngine(responseDesc, response);
  };
}
