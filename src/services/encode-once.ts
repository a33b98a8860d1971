import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";

const kept = new WeakMap<Message, { bytes: Uint8Array | undefined }>();

/**
 * Marks an answer that will be given many times and never changes: its bytes are made for the first caller
 * and kept as long as the message is. The members of a large system take longer to encode than to look up.
 */
export function encodeOnce<T extends Message>(answer: T): T {
  kept.set(answer, { bytes: undefined });
  return answer;
}

/** The bytes of an answer, made now unless it was marked and they are there. */
export function encodeAnswer(desc: DescMessage, answer: Message): Uint8Array {
  const entry = kept.get(answer);
  if (entry === undefined) return toBinary(desc, answer);
  entry.bytes ??= toBinary(desc, answer);
  return entry.bytes;
}
