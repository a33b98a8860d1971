import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Call, CallSchema, type Response, ResponseSchema, Status } from "../gen/drpc_pb.ts";

/** One packet on the socket is one of these two messages; there is no length in front of it. */
export type { Call, Response };

const noBody = new Uint8Array(0);

/** The sequence of an answer to a packet that could not be decoded. */
export const NO_SEQUENCE = -1n;

export function encodeCall(module: number, method: number, sequence: bigint, body: Uint8Array): Uint8Array {
  return toBinary(CallSchema, create(CallSchema, { module, method, sequence, body }));
}

/** @throws when the packet is not a drpc.Call. */
export function decodeCall(packet: Uint8Array): Call {
  return fromBinary(CallSchema, packet, { readUnknownFields: false });
}

/** Only SUCCESS carries a body. All fields at their defaults encode to an empty packet, which is a valid answer. */
export function encodeResponse(sequence: bigint, status: Status, body: Uint8Array = noBody): Uint8Array {
  return toBinary(
    ResponseSchema,
    create(ResponseSchema, { sequence, status, body: status === Status.SUCCESS ? body : noBody }),
  );
}

/** @throws when the packet is not a drpc.Response. */
export function decodeResponse(packet: Uint8Array): Response {
  return fromBinary(ResponseSchema, packet, { readUnknownFields: false });
}
