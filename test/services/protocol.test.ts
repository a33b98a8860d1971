import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import net from "node:net";
import fc from "fast-check";
import {
  decodeStatusMessage,
  encodeFrame,
  encodeStatusMessage,
  formatTimeout,
  parseTimeoutMs,
} from "../../src/client/grpc.ts";
import { RpcCode } from "../../src/faults/rpc.ts";
import type { RpcServer } from "../../src/services/serve.ts";
import { waitFor } from "../support/wait.ts";
import { leaderOf, leaderQueryMessage, openSession, rawCall, serve } from "./harness.ts";

const limits = {
  maxMessageBytes: 100_000,
  receiveTimeoutMs: 200,
  handshakeTimeoutMs: 300,
  maxConnections: 50,
};
let server: RpcServer;
/** Signals of calls to SystemErase, which never answers. */
const hanging: AbortSignal[] = [];
beforeAll(async () => {
  server = await serve(
    {
      leaderQuery: { roles: ["admin"], handle: () => ({ currentLeader: "here" }) },
      systemErase: {
        roles: ["admin"],
        handle: (_request, context) => {
          hanging.push(context.signal);
          return new Promise(() => {});
        },
      },
    },
    { limits },
  );
});
afterAll(() => server.close(100));

const erase = { ":path": "/mgmt.MgmtSvc/SystemErase" };

describe("a well-formed call", () => {
  test("is answered with one message and status 0 in the trailers", async () => {
    using session = openSession(server.port);
    const answer = await rawCall(session, {});
    expect(answer.headers?.[":status"]).toBe(200);
    expect(answer.headers?.["content-type"]).toBe("application/grpc");
    expect(answer.headers?.["grpc-status"]).toBeUndefined();
    expect(answer.code).toBe(RpcCode.OK);
    expect(leaderOf(answer)).toBe("here");
  });

  test("may name its encoding identity, its type +proto, and carry unknown headers", async () => {
    using session = openSession(server.port);
    for (const headers of [
      { "grpc-encoding": "identity", "grpc-accept-encoding": "gzip,identity" },
      { "content-type": "application/grpc+proto" },
      { "content-type": "application/grpc; charset=utf-8" },
      { "x-trace-bin": "AAEC", "user-agent": "grpc-go/1.56.3" },
    ]) {
      expect((await rawCall(session, headers)).code).toBe(RpcCode.OK);
    }
  });

  test("may arrive byte by byte", async () => {
    using session = openSession(server.port);
    const frame = encodeFrame(leaderQueryMessage());
    const code = await new Promise((resolve) => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/mgmt.MgmtSvc/LeaderQuery",
        "content-type": "application/grpc",
        "x-daos-component": "admin",
        "x-daos-version": "2.6.0",
      });
      stream.on("trailers", (trailers) => resolve(trailers["grpc-status"]));
      stream.resume();
      for (const byte of frame) stream.write(Buffer.of(byte));
      stream.end();
    });
    expect(code).toBe("0");
  });
});

describe("a call that is not well-formed is told so and harms no other", () => {
  const frame = encodeFrame(leaderQueryMessage());
  const flagged = Buffer.from(frame);
  flagged[0] = 1;
  const odd = Buffer.from(frame);
  odd[0] = 9;
  const overlong = Buffer.from(frame);
  overlong.writeUInt32BE(0x7fffffff, 1);
  const garbage = encodeFrame(Buffer.from([0x0a, 0xff, 0xff]));

  const cases: readonly [string, Record<string, string>, Uint8Array | undefined, number, string][] = [
    [
      "an unknown method",
      { ":path": "/mgmt.MgmtSvc/Nope" },
      frame,
      12,
      "unknown method Nope for service mgmt.MgmtSvc",
    ],
    ["an unknown service", { ":path": "/a.B/C" }, frame, 12, "unknown service a.B"],
    ["a path that is none", { ":path": "/" }, frame, 12, "unknown service"],
    [
      "a method of the prototype chain",
      { ":path": "/mgmt.MgmtSvc/constructor" },
      frame,
      12,
      "unknown method",
    ],
    ["no message", {}, Buffer.alloc(0), 12, "no message"],
    ["two messages", {}, Buffer.concat([frame, frame]), 12, "more than one message"],
    ["a frame header cut short", {}, frame.subarray(0, 3), 13, "within a frame header"],
    ["a message cut short", {}, frame.subarray(0, frame.length - 1), 13, "within a message"],
    ["the compressed flag", {}, flagged, 13, "compressed flag set"],
    ["an unknown flag", {}, odd, 13, "unexpected payload format 9"],
    [
      "a length beyond the limit",
      {},
      overlong,
      8,
      "received message larger than max (2147483647 vs. 100000)",
    ],
    [
      "a message beyond the limit",
      {},
      encodeFrame(Buffer.alloc(100_001)),
      8,
      "received message larger than max",
    ],
    ["a message that is no protobuf", {}, garbage, 13, "error unmarshalling request"],
    [
      "a compression it does not know",
      { "grpc-encoding": "gzip" },
      frame,
      12,
      'Decompressor is not installed for grpc-encoding "gzip"',
    ],
    ["a deadline that is none", { "grpc-timeout": "soon" }, frame, 13, "malformed grpc-timeout: soon"],
    [
      "a version that is none",
      { "x-daos-version": "two" },
      frame,
      2,
      "failed to extract peer component/version",
    ],
    [
      "a component that is none",
      { "x-daos-component": "king" },
      frame,
      2,
      "failed to extract peer component/version",
    ],
  ];
  for (const [what, headers, body, code, message] of cases) {
    test(what, async () => {
      using session = openSession(server.port);
      const [answer, other] = await Promise.all([rawCall(session, headers, body), rawCall(session, {})]);
      expect({ code: answer.code, message: answer.message }).toEqual({
        code,
        message: expect.stringContaining(message) as unknown as string,
      });
      expect(other.code).toBe(RpcCode.OK);
      expect((await rawCall(session, {})).code).toBe(RpcCode.OK);
    });
  }

  test("a message far beyond the limit, still being sent", async () => {
    using session = openSession(server.port);
    const answer = await rawCall(session, {}, encodeFrame(Buffer.alloc(5_000_000)), false);
    expect(answer.code).toBe(RpcCode.ResourceExhausted);
    expect((await rawCall(session, {})).code).toBe(RpcCode.OK);
  });

  test("a message that never arrives whole", async () => {
    using session = openSession(server.port);
    const answer = await rawCall(session, {}, frame.subarray(0, 4), false);
    expect(answer.code).toBe(RpcCode.DeadlineExceeded);
  });

  test("another content type is HTTP 415, another method HTTP 405", async () => {
    using session = openSession(server.port);
    expect((await rawCall(session, { "content-type": "text/html" })).headers?.[":status"]).toBe(415);
    expect((await rawCall(session, { ":method": "GET" }, undefined)).headers?.[":status"]).toBe(405);
  });

  test("bytes that are no HTTP/2 close their connection only", async () => {
    const closed = new Promise<void>((resolve) => {
      const socket = net.connect(server.port, "127.0.0.1", () =>
        socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
      );
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.resume();
    });
    await closed;
    using session = openSession(server.port);
    expect((await rawCall(session, {})).code).toBe(RpcCode.OK);
  });

  test("random bodies are answered with some status", async () => {
    using session = openSession(server.port);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (body) => {
        expect((await rawCall(session, {}, body)).code).toBeDefined();
      }),
      { numRuns: 200 },
    );
  });
});

describe("a call that is given up", () => {
  test("by its deadline is answered so, and its handler is told", async () => {
    using session = openSession(server.port);
    const answer = await rawCall(session, { ...erase, "grpc-timeout": "30m" });
    expect(answer.code).toBe(RpcCode.DeadlineExceeded);
    const signal = hanging.at(-1)!;
    expect(signal.aborted).toBe(true);
    expect((signal.reason as Error).name).toBe("TimeoutError");
  });

  test("by its caller tells its handler", async () => {
    using session = openSession(server.port);
    const before = hanging.length;
    const stream = session.request({
      ":method": "POST",
      ...erase,
      "content-type": "application/grpc",
      "x-daos-component": "admin",
      "x-daos-version": "2.6.0",
    });
    stream.on("error", () => {});
    stream.end(encodeFrame(leaderQueryMessage()));
    await waitFor("the handler to begin", () => hanging.length > before);
    stream.close(8);
    await waitFor("the handler to be told", () => hanging.at(-1)!.aborted);
    expect((hanging.at(-1)!.reason as Error).name).toBe("AbortError");
    expect((await rawCall(session, {})).code).toBe(RpcCode.OK);
  });

  test("with its connection tells its handler", async () => {
    const before = hanging.length;
    const session = openSession(server.port);
    void rawCall(session, erase);
    await waitFor("the handler to begin", () => hanging.length > before);
    session.destroy();
    await waitFor("the handler to be told", () => hanging.at(-1)!.aborted);
  });

  test("in the middle of its message is forgotten", async () => {
    using session = openSession(server.port);
    const stream = session.request({ ":method": "POST", ...erase, "content-type": "application/grpc" });
    stream.on("error", () => {});
    stream.write(encodeFrame(Buffer.alloc(50)).subarray(0, 20));
    stream.close(8);
    expect((await rawCall(session, {})).code).toBe(RpcCode.OK);
  });
});

describe("the headers of gRPC", () => {
  test("any status text survives percent-encoding", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        const encoded = encodeStatusMessage(text);
        expect(encoded).toMatch(/^(?! )[\x20-\x7e]*(?<! )$/);
        expect(decodeStatusMessage(encoded)).toBe(text);
      }),
    );
    expect(encodeStatusMessage("100% ï\n")).toBe("100%25 %C3%AF%0A");
    expect(decodeStatusMessage("100% %zz %")).toBe("100% %zz %");
  });

  test("deadlines are read in all units and written without getting shorter", () => {
    expect(["2H", "3M", "4S", "5m", "6000u", "7000000n"].map(parseTimeoutMs)).toEqual([
      7_200_000, 180_000, 4000, 5, 6, 7,
    ]);
    for (const bad of ["", "5", "m", "-5m", "5.5m", "123456789m", "5 m", "5X"])
      expect(parseTimeoutMs(bad)).toBeUndefined();
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (ms) => {
        const header = formatTimeout(ms);
        expect(header).toMatch(/^\d{1,8}[mS]$/);
        if (ms < 9.9e10) expect(parseTimeoutMs(header)).toBeGreaterThanOrEqual(ms);
      }),
    );
  });
});
