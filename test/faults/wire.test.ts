import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { wrapError } from "../../src/faults/cause.ts";
import { daosStatusError } from "../../src/faults/daos-status.ts";
import { Fault } from "../../src/faults/fault.ts";
import { RpcCode, RpcError } from "../../src/faults/rpc.ts";
import {
  decodeErrorInfo,
  decodeStatusProto,
  encodeErrorInfo,
  encodeStatusProto,
  errorInfoTypeUrl,
} from "../../src/faults/status-proto.ts";
import {
  DaosStatusError,
  MemberNotFoundError,
  NotLeaderError,
  NotReplicaError,
  PoolNotFoundError,
  UnavailableError,
  UninitializedError,
} from "../../src/faults/system.ts";
import { errorFromStatus, statusFromError } from "../../src/faults/wire.ts";

/** What 2.6's own library made of its errors: gRPC code, text, and the encoded google.rpc.Status in hex. */
interface Recorded {
  readonly name: string;
  readonly code: number;
  readonly message: string;
  readonly details: string;
  readonly text: string;
}
const recordedText = await Bun.file(new URL("errors-2.6.jsonl", import.meta.url)).text();
const recorded = recordedText
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);

const uuid = "90046c16-5b1e-410d-aeb2-318d23d56260";
/** The same errors as ours. */
const ours: Readonly<Record<string, Error>> = {
  fault: new Fault("server", 603, "request system does not match", "retry", "a reason"),
  bareFault: new Fault("client", 500, "unknown client error"),
  wrapped: new Fault("server", 603, "d", "r"),
  status: daosStatusError(-1007),
  notReplica: new NotReplicaError(["10.0.0.1:10001"]),
  notReplicaEmpty: new NotReplicaError([]),
  notLeader: new NotLeaderError("10.0.0.1:10001", ["10.0.0.1:10001", "10.0.0.2:10001"]),
  notLeaderNoHint: new NotLeaderError("", ["10.0.0.2:10001"]),
  poolUUID: new PoolNotFoundError(`uuid ${uuid}`),
  poolLabel: new PoolNotFoundError('label "ta\\"nk"'),
  poolRank: new PoolNotFoundError("rank 7"),
  uninitialized: new UninitializedError(),
  unavailable: new UnavailableError(),
  member: new MemberNotFoundError("rank 3"),
};

function metadataOf(details: Uint8Array) {
  const status = decodeStatusProto(details);
  return status.details.map((any) => ({ ...any, value: decodeErrorInfo(any.value) }));
}

describe("errors recorded from 2.6", () => {
  for (const row of recorded) {
    const error = ours[row.name];
    if (error === undefined) continue;
    const details = row.details === "" ? undefined : Buffer.from(row.details, "hex");

    test(`${row.name} is understood`, () => {
      expect(errorFromStatus({ code: row.code, message: row.message, details })).toEqual(error);
    });

    test(`${row.name} is told as 2.6 tells it`, () => {
      const status = statusFromError(error);
      expect(status.code).toBe(row.code);
      if (details === undefined) expect(status.details).toBeUndefined();
      // Go writes an empty list as null; its decoder takes [] as well.
      else if (row.name !== "notReplicaEmpty") {
        expect(metadataOf(status.details!)).toEqual(metadataOf(details));
      }
      // The reason of a fault and the word for an unknown leader are additions of our text.
      if (!["fault", "notLeaderNoHint"].includes(row.name)) expect(status.message).toBe(row.message);
    });
  }

  test("an encoded error with one metadata entry has 2.6's very bytes", () => {
    for (const name of ["status", "notReplica", "poolUUID", "poolLabel", "poolRank"]) {
      const row = recorded.find((r) => r.name === name)!;
      expect(Buffer.from(statusFromError(ours[name]).details!).toString("hex")).toBe(row.details);
    }
  });

  test("giving up and passing a deadline have codes of their own", () => {
    const canceled = statusFromError(new DOMException("x", "AbortError"));
    expect(canceled).toEqual({ code: RpcCode.Canceled, message: "context canceled" });
    const late = statusFromError(new DOMException("x", "TimeoutError"));
    expect(late).toEqual({ code: RpcCode.DeadlineExceeded, message: "context deadline exceeded" });
  });
});

describe("wrapped errors", () => {
  test("are told as the known error inside them", () => {
    const fault = new Fault("server", 603, "d", "r");
    const told = statusFromError(wrapError("outer", wrapError("inner", fault)));
    expect(told).toEqual(statusFromError(fault));
  });

  test("keep all their words where the inner one is plain or a peer's status", () => {
    expect(statusFromError(wrapError("outer", new Error("x")))).toEqual({ code: 2, message: "outer: x" });
    expect(statusFromError(wrapError("outer", new RpcError(7, "no")))).toMatchObject({
      code: 7,
      message: "outer: rpc error: code = PermissionDenied desc = no",
    });
  });
});

describe("errors without a type of their own", () => {
  test("keep code and text", () => {
    const error = errorFromStatus({ code: 7, message: "no" });
    expect(error).toEqual(new RpcError(7, "no"));
    expect(error.message).toBe("rpc error: code = PermissionDenied desc = no");
  });

  test("with an unknown reason keep their text, and their details for the next hop", () => {
    const details = encodeStatusProto({
      code: 13,
      message: "newer",
      details: [
        {
          typeUrl: errorInfoTypeUrl,
          value: encodeErrorInfo({ reason: "proto.later.Thing", domain: "DAOS", metadata: { A: "1" } }),
        },
      ],
    });
    const error = errorFromStatus({ code: 13, message: "newer", details });
    expect(error).toEqual(new RpcError(13, "newer", details));
    expect(statusFromError(error)).toEqual({ code: 13, message: "newer", details });
  });

  test("with details that are no such message keep their text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (details) => {
        expect(errorFromStatus({ code: 13, message: "m", details })).toBeInstanceOf(Error);
      }),
    );
  });

  test("with a known reason but unreadable metadata keep their text", () => {
    const bad = [
      { reason: "proto.fault.Fault", metadata: { Code: "many" } },
      { reason: "proto.daos.DaosStatus", metadata: {} },
      { reason: "proto.system.ErrNotLeader", metadata: { Replicas: "{" } },
      { reason: "proto.system.ErrNotReplica", metadata: { Replicas: "[1]" } },
      { reason: "proto.system.ErrPoolNotFound", metadata: { PoolInfo: "][" } },
    ];
    for (const { reason, metadata } of bad) {
      const value = encodeErrorInfo({ reason, domain: "", metadata: metadata as Record<string, string> });
      const details = encodeStatusProto({
        code: 13,
        message: "m",
        details: [{ typeUrl: errorInfoTypeUrl, value }],
      });
      expect(errorFromStatus({ code: 13, message: "m", details })).toEqual(new RpcError(13, "m", details));
    }
  });

  test("known by their text alone are found inside other text, which is kept", () => {
    const error = errorFromStatus({ code: 2, message: `join: ${new UnavailableError().message}` });
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).toBe("join: raft service unavailable (not started yet?)");
  });

  test("that are no Error are told by their text", () => {
    expect(statusFromError("odd")).toEqual({ code: RpcCode.Unknown, message: "odd" });
  });

  test("a code outside the table is printed by its number", () => {
    expect(new RpcError(99, "x").message).toBe("rpc error: code = Code(99) desc = x");
  });
});

describe("every error of the project survives the wire", () => {
  const word = fc.string({ unit: "grapheme", maxLength: 30 });
  const list = fc.array(word, { maxLength: 4 });
  const errors = fc.oneof(
    fc
      .record({ domain: word, code: fc.nat(2000), description: word, resolution: word, reason: word })
      .map((f) => new Fault(f.domain, f.code, f.description, f.resolution, f.reason)),
    fc.integer({ min: -3000, max: -1 }).map(daosStatusError),
    list.map((replicas) => new NotReplicaError(replicas)),
    fc.tuple(word, list).map(([hint, replicas]) => new NotLeaderError(hint, replicas)),
    fc.uuid().map((id) => new PoolNotFoundError(`uuid ${id}`)),
    word.map((label) => new PoolNotFoundError(`label ${JSON.stringify(label)}`)),
    fc.nat().map((rank) => new PoolNotFoundError(`rank ${rank}`)),
    fc.constant(new UninitializedError()),
    fc.constant(new UnavailableError()),
    word.filter((w) => !w.includes("\n")).map((member) => new MemberNotFoundError(member)),
  );

  test("there and back", () => {
    fc.assert(
      fc.property(errors, (error) => {
        const back = errorFromStatus(statusFromError(error));
        expect(back).toEqual(error);
        expect(back.constructor).toBe(error.constructor);
      }),
      { numRuns: 500 },
    );
  });

  test("the codec of google.rpc.Status and ErrorInfo is its own inverse", () => {
    const any = fc.record({ typeUrl: word, value: fc.uint8Array({ maxLength: 50 }) });
    const status = fc.record({ code: fc.integer(), message: word, details: fc.array(any, { maxLength: 3 }) });
    fc.assert(
      fc.property(status, (s) => {
        const back = decodeStatusProto(encodeStatusProto(s));
        expect({ ...back, details: back.details.map((d) => ({ ...d, value: Array.from(d.value) })) }).toEqual(
          {
            ...s,
            details: s.details.map((d) => ({ ...d, value: Array.from(d.value) })),
          },
        );
      }),
    );
    const info = fc.record({ reason: word, domain: word, metadata: fc.dictionary(word, word) });
    fc.assert(
      fc.property(info, (i) => {
        const back = decodeErrorInfo(encodeErrorInfo(i));
        expect({ ...back, metadata: Object.entries(back.metadata).sort() }).toEqual({
          ...i,
          metadata: Object.entries(i.metadata).sort() as never,
        });
      }),
    );
  });

  test("a status of an unknown member keeps its class", () => {
    expect(errorFromStatus({ code: 2, message: "unable to find member with addr 1.2.3.4:5" })).toEqual(
      new MemberNotFoundError("addr 1.2.3.4:5"),
    );
    expect(errorFromStatus({ code: 13, message: "unable to find member with rank 1" })).toBeInstanceOf(
      RpcError,
    );
    expect(daosStatusError(-1)).toBeInstanceOf(DaosStatusError);
  });
});
