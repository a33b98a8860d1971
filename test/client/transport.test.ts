import { afterAll, describe, expect, test } from "bun:test";
import http2, { type ServerHttp2Stream } from "node:http2";
import net, { type AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeFrame } from "../../src/client/grpc.ts";
import { type CallOptions, callUnary, closeConnections } from "../../src/client/transport.ts";
import { FaultCode } from "../../src/faults/codes.ts";
import { Fault } from "../../src/faults/fault.ts";
import { RpcCode, RpcError } from "../../src/faults/rpc.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { LeaderQueryRespSchema } from "../../src/gen/mgmt/svc_pb.ts";
import { insecureTransport } from "../../src/security/tls.ts";
import { testAuthority } from "../security/authority.ts";
import { serve } from "../services/harness.ts";
import { waitFor } from "../support/wait.ts";
import { FrameType, frame, framePeer, u32 } from "./frame-peer.ts";

afterAll(closeConnections);

const options: CallOptions = { security: insecureTransport, timeoutMs: 5000, component: "admin" };
const query = (port: number, more: Partial<CallOptions> = {}) =>
  callUnary(MgmtSvc.method.leaderQuery, `127.0.0.1:${port}`, { sys: "daos_server" }, { ...options, ...more });
const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => {
      throw new Error("the call was answered");
    },
    (error: unknown) => error,
  );
async function faultCode(work: Promise<unknown>): Promise<number> {
  const error = await errorOf(work);
  expect(error).toBeInstanceOf(Fault);
  return (error as Fault).code;
}

const answerFrame = (leader: string): Buffer =>
  encodeFrame(toBinary(LeaderQueryRespSchema, create(LeaderQueryRespSchema, { currentLeader: leader })));

/** A peer of our own making: every stream is handed to `answer`. */
async function peer(answer: (stream: ServerHttp2Stream) => void) {
  const server = http2.createServer();
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => sockets.add(socket));
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.resume();
    answer(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    cut,
    [Symbol.dispose]: () => {
      cut();
      server.close();
    },
  };
}

function respond(
  stream: ServerHttp2Stream,
  body: Uint8Array,
  trailers: Record<string, string> | undefined,
): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => (trailers === undefined ? stream.close() : stream.sendTrailers(trailers)));
  stream.end(body);
}
const ok = { "grpc-status": "0" };

describe("reaching a server", () => {
  test("an address nobody listens on is fault 506", async () => {
    expect(await faultCode(query(1))).toBe(FaultCode.ClientConnectionRefused);
  });

  test("a name that does not resolve, or is none, is fault 504", async () => {
    for (const host of ["no-such-host.invalid:10001", "not a host:10001"]) {
      const call = callUnary(MgmtSvc.method.leaderQuery, host, {}, options);
      expect(await faultCode(call)).toBe(FaultCode.ClientConnectionBadHost);
    }
  });

  test("a peer that never speaks TLS is fault 508", async () => {
    const mute = net.createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", () => resolve()));
    const security = await (await testAuthority()).transport("admin");
    const call = query((mute.address() as AddressInfo).port, { security, timeoutMs: 100 });
    expect(await faultCode(call)).toBe(FaultCode.ClientConnectionTimedOut);
    mute.close();
  });

  test("a peer that never answers is fault 510", async () => {
    using mute = await peer(() => {});
    expect(await faultCode(query(mute.port, { timeoutMs: 100 }))).toBe(FaultCode.ClientRpcTimeout);
  });

  test("an impatient caller does not spoil the connection of a patient one", async () => {
    using slow = await peer((stream) =>
      setTimeout(() => stream.destroyed || respond(stream, answerFrame("late"), ok), 150),
    );
    const [impatient, patient] = await Promise.allSettled([
      query(slow.port, { timeoutMs: 30 }),
      query(slow.port),
    ]);
    expect(impatient.status).toBe("rejected");
    expect(patient).toMatchObject({ status: "fulfilled", value: { currentLeader: "late" } });
    expect(slow.connections()).toBe(1);
  });
});

describe("a connection", () => {
  test("is shared by calls, one after another and at once", async () => {
    using server = await peer((stream) => respond(stream, answerFrame("x"), ok));
    await query(server.port);
    await Promise.all(Array.from({ length: 500 }, () => query(server.port)));
    expect(server.connections()).toBe(1);
  });

  test("that is lost in a call is fault 507, and the next call opens another", async () => {
    let hang = true;
    using server = await peer((stream) => {
      if (hang) server.cut();
      else respond(stream, answerFrame("back"), ok);
    });
    expect(await faultCode(query(server.port))).toBe(FaultCode.ClientConnectionClosed);
    hang = false;
    expect((await query(server.port)).currentLeader).toBe("back");
    expect(server.connections()).toBe(2);
  });

  test("that the server let go of is replaced without the caller noticing", async () => {
    const impl = { leaderQuery: { roles: ["admin"] as const, handle: () => ({ currentLeader: "x" }) } };
    const first = await serve(impl);
    await query(first.port);
    await first.close(1000);
    const again = await serve(impl, { port: first.port });
    for (let round = 0; round < 20; round++) await query(again.port);
    await again.close(100);
  });

  test("that refuses a call without having begun it is used again", async () => {
    let calls = 0;
    using server = await framePeer((socket, stream) => {
      calls++;
      socket.write(frame(FrameType.RST_STREAM, 0, stream, u32(http2.constants.NGHTTP2_REFUSED_STREAM)));
    });
    expect(await faultCode(query(server.port))).toBe(FaultCode.ClientConnectionClosed);
    expect(calls).toBe(3);
  });

  test("that the server is closing (GOAWAY) is replaced", async () => {
    using server = await framePeer((socket) => {
      socket.write(frame(FrameType.GOAWAY, 0, 0, u32(0, http2.constants.NGHTTP2_NO_ERROR)));
    });
    expect(await faultCode(query(server.port))).toBe(FaultCode.ClientConnectionClosed);
    expect(server.connections()).toBe(3);
  });

  test("that ends in a call, whichever way, is fault 507 and not a cancellation", async () => {
    const ways: readonly ((socket: net.Socket, stream: number) => void)[] = [
      (socket) => socket.end(),
      (socket) => socket.resetAndDestroy(),
      (socket, stream) =>
        socket.write(frame(FrameType.RST_STREAM, 0, stream, u32(http2.constants.NGHTTP2_CANCEL))),
      (socket, stream) =>
        socket.write(frame(FrameType.RST_STREAM, 0, stream, u32(http2.constants.NGHTTP2_INTERNAL_ERROR))),
      (socket) => socket.write(Buffer.from("this is no frame at all, but long enough")),
      // Headers ":status: 200" (static table, index 8), then a reset in place of the status of the call.
      (socket, stream) => {
        socket.write(frame(FrameType.HEADERS, 4, stream, Buffer.of(0x88)));
        socket.write(frame(FrameType.RST_STREAM, 0, stream, u32(http2.constants.NGHTTP2_INTERNAL_ERROR)));
      },
    ];
    for (const way of ways) {
      using server = await framePeer(way);
      expect(await faultCode(query(server.port, { timeoutMs: 2000 }))).toBe(FaultCode.ClientConnectionClosed);
    }
  });
});

describe("answers that are not as they should be", () => {
  const cases: readonly [string, (stream: ServerHttp2Stream) => void, number, string][] = [
    [
      "HTTP 404",
      (s) => s.respond({ ":status": 404 }, { endStream: true }),
      2,
      "does not speak gRPC: HTTP status 404",
    ],
    ["no status", (s) => respond(s, answerFrame("a"), undefined), 13, "ended without a status"],
    ["no message", (s) => respond(s, Buffer.alloc(0), ok), 13, "has no message"],
    [
      "a message cut short",
      (s) => respond(s, answerFrame("abc").subarray(0, 7), ok),
      13,
      "not exactly one message",
    ],
    [
      "two messages",
      (s) => respond(s, Buffer.concat([answerFrame("a"), answerFrame("b")]), ok),
      13,
      "not exactly one",
    ],
    ["a compressed message", (s) => respond(s, Buffer.from([1, 0, 0, 0, 0]), ok), 13, "compressed"],
    ["no protobuf", (s) => respond(s, encodeFrame(Buffer.from([0x0a, 0xff])), ok), 13, "cannot decode"],
    [
      "an odd status",
      (s) => respond(s, Buffer.alloc(0), { "grpc-status": "abc", "grpc-message": "m" }),
      2,
      "m",
    ],
    [
      "a status beyond the table",
      (s) => respond(s, Buffer.alloc(0), { "grpc-status": "77" }),
      77,
      "Code(77)",
    ],
    [
      "details that are none",
      (s) =>
        respond(s, Buffer.alloc(0), {
          "grpc-status": "5",
          "grpc-message": "n%C3%AF",
          "grpc-status-details-bin": "!",
        }),
      5,
      "nï",
    ],
  ];
  for (const [what, answer, code, words] of cases) {
    test(what, async () => {
      using server = await peer(answer);
      const error = await errorOf(query(server.port));
      expect(error).toBeInstanceOf(RpcError);
      expect((error as RpcError).code).toBe(code);
      expect((error as RpcError).message).toContain(words);
    });
  }

  test("an answer larger than the limit", async () => {
    using server = await peer((s) => respond(s, encodeFrame(Buffer.alloc(300_000)), ok));
    const error = await errorOf(query(server.port, { maxMessageBytes: 200_000 }));
    expect((error as RpcError).code).toBe(RpcCode.ResourceExhausted);
  });
});

describe("large messages", () => {
  test("of tens of megabytes go through", async () => {
    const leader = "x".repeat(20 << 20);
    using server = await peer((s) => respond(s, answerFrame(leader), ok));
    expect((await query(server.port, { timeoutMs: 20_000 })).currentLeader.length).toBe(leader.length);
  });
});

describe("giving up", () => {
  test("tells the server, and fails with the signal's reason", async () => {
    const seen: AbortSignal[] = [];
    const server = await serve({
      leaderQuery: {
        roles: ["admin"],
        handle: (_request, context) => {
          seen.push(context.signal);
          return new Promise(() => {});
        },
      },
    });
    const giveUp = new AbortController();
    const call = errorOf(query(server.port, { signal: giveUp.signal }));
    await waitFor("the handler", () => seen.length === 1);
    giveUp.abort(new Error("enough"));
    expect(await call).toEqual(new Error("enough"));
    await waitFor("the handler to be told", () => seen[0]!.aborted);
    await server.close(100);
  });

  test("while connecting fails at once", async () => {
    const mute = net.createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", () => resolve()));
    const security = await (await testAuthority()).transport("admin");
    const giveUp = new AbortController();
    const call = errorOf(query((mute.address() as AddressInfo).port, { security, signal: giveUp.signal }));
    giveUp.abort(new Error("enough"));
    expect(await call).toEqual(new Error("enough"));
    mute.close();
  });
});
