import { expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { LeaderQueryRespSchema } from "../../src/gen/mgmt/svc_pb.ts";
import { encodeAnswer, encodeOnce } from "../../src/services/encode-once.ts";

test("an answer marked once is encoded for the first caller only", () => {
  const answer = encodeOnce(create(LeaderQueryRespSchema, { currentLeader: "a:1" }));
  const bytes = encodeAnswer(LeaderQueryRespSchema, answer);
  expect(bytes).toEqual(toBinary(LeaderQueryRespSchema, answer));
  expect(encodeAnswer(LeaderQueryRespSchema, answer)).toBe(bytes);
});

test("an answer that is not marked is encoded each time, as it is then", () => {
  const answer = create(LeaderQueryRespSchema, { currentLeader: "a:1" });
  const before = encodeAnswer(LeaderQueryRespSchema, answer);
  answer.currentLeader = "b:2";
  expect(encodeAnswer(LeaderQueryRespSchema, answer)).not.toEqual(before);
});
