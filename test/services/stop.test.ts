import { describe, expect, test } from "bun:test";
import net from "node:net";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { FaultCode } from "../../src/faults/codes.ts";
import { Fault } from "../../src/faults/fault.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { insecureTransport } from "../../src/security/tls.ts";
import type { RpcLimits } from "../../src/services/limits.ts";
import type { RpcServer } from "../../src/services/serve.ts";
import { waitFor } from "../support/wait.ts";
import { openSession, rawCall, recordingLog, serve } from "./harness.ts";

const options = { security: insecureTransport, timeoutMs: 5000, component: "admin" } as const;
const query = (port: number, host = "127.0.0.1") =>
  callUnary(MgmtSvc.method.leaderQuery, `${host}:${port}`, { sys: "daos_server" }, options);

/** A server whose one method answers when it is let. */
async function gated(limits: Partial<RpcLimits> = {}) {
  const waiting: (() => void)[] = [];
  const log = recordingLog();
  const server = await serve(
    {
      leaderQuery: {
        roles: ["admin"],
        handle: async () => {
          await new Promise<void>((resolve) => waiting.push(resolve));
          return { currentLeader: "done" };
        },
      },
    },
    { limits, log },
  );
  const open = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { server, waiting, open, log };
}

describe("stopping", () => {
  test("lets a running call finish, and takes no new one", async () => {
    const { server, waiting, open } = await gated();
    const running = query(server.port);
    await waitFor("the handler", () => waiting.length === 1);
    const closed = server.close(5000);
    const fresh = await new Promise<string>((resolve) => {
      const socket = net.connect(server.port, "127.0.0.1", () => resolve("connected"));
      socket.on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? ""));
    });
    expect(fresh).toBe("ECONNREFUSED");
    open();
    expect((await running).currentLeader).toBe("done");
    await closed;
    expect(server.stats.connections).toBe(0);
  });

  test("cuts a call that takes longer than the grace, and its caller notices at once", async () => {
    const { server, waiting } = await gated();
    const running = query(server.port).catch((error: unknown) => error);
    await waitFor("the handler", () => waiting.length === 1);
    await server.close(50);
    const error = await running;
    expect(error).toBeInstanceOf(Fault);
    expect((error as Fault).code).toBe(FaultCode.ClientConnectionClosed);
  });

  test("ends idle connections at once", async () => {
    const { server, waiting, open } = await gated();
    const call = query(server.port);
    await waitFor("the handler", () => waiting.length === 1);
    open();
    await call;
    const startMs = performance.now();
    await server.close(10_000);
    expect(performance.now() - startMs).toBeLessThan(2000);
  });

  test("ends connections that never said anything", async () => {
    const { server } = await gated();
    const socket = net.connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    await waitFor("the connection", () => server.stats.connections === 1);
    await server.close(50);
    expect(server.stats.connections).toBe(0);
  });
});

describe("listening", () => {
  test("on several addresses serves the same on each, on one port", async () => {
    const server = await serve(
      {
        leaderQuery: {
          roles: ["admin"],
          handle: (_request, context) => ({ currentLeader: context.peerAddr }),
        },
      },
      { hosts: ["127.0.0.1", "::1"] },
    );
    expect((await query(server.port)).currentLeader).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((await query(server.port, "[::1]")).currentLeader).toMatch(/^\[::1\]:\d+$/);
    closeConnections();
    await server.close(100);
  });

  test("on an address that is taken fails, and leaves nothing listening", async () => {
    const holder = net.createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.2", () => resolve()));
    const { port } = holder.address() as net.AddressInfo;
    await expect(serve({}, { hosts: ["127.0.0.1", "127.0.0.2"], port })).rejects.toThrow("EADDRINUSE");
    const code = await new Promise((resolve) => {
      net.connect(port, "127.0.0.1").on("error", (error) => resolve((error as NodeJS.ErrnoException).code));
    });
    expect(code).toBe("ECONNREFUSED");
    holder.close();
  });
});

describe("bounds", () => {
  const withServer = async (limits: Partial<RpcLimits>, work: (server: RpcServer) => Promise<void>) => {
    const { server, open } = await gated(limits);
    const opener = setInterval(open, 5);
    await work(server);
    clearInterval(opener);
    closeConnections();
    await server.close(0);
  };

  test("more calls at once than streams are allowed wait their turn", async () => {
    await withServer({ maxConcurrentStreams: 10 }, async (server) => {
      const answers = await Promise.all(Array.from({ length: 200 }, () => query(server.port)));
      expect(answers.every((answer) => answer.currentLeader === "done")).toBe(true);
    });
  });

  test("a call that waits for its turn is bound by its own deadline", async () => {
    const { server, waiting, open } = await gated({ maxConcurrentStreams: 1 });
    const first = query(server.port);
    await waitFor("the handler", () => waiting.length === 1);
    const hurried = { ...options, timeoutMs: 40 };
    const call = callUnary(
      MgmtSvc.method.leaderQuery,
      `127.0.0.1:${server.port}`,
      { sys: "daos_server" },
      hurried,
    );
    const error = await call.catch((e: unknown) => e);
    expect((error as Fault).code).toBe(FaultCode.ClientRpcTimeout);
    const second = query(server.port);
    open();
    await first;
    await waitFor("the second call", () => waiting.length === 1);
    open();
    expect((await second).currentLeader).toBe("done");
    closeConnections();
    await server.close(0);
  });

  test("calls given up by the hundred leave all places free", async () => {
    await withServer({ maxConcurrentStreams: 20 }, async (server) => {
      for (let round = 0; round < 25; round++) {
        const calls = Array.from({ length: 20 }, (_, i) => {
          const signal = i % 2 === 0 ? AbortSignal.timeout(i % 7) : undefined;
          const at = `127.0.0.1:${server.port}`;
          return callUnary(MgmtSvc.method.leaderQuery, at, { sys: "daos_server" }, { ...options, signal });
        });
        await Promise.allSettled(calls);
      }
      const answers = await Promise.all(Array.from({ length: 60 }, () => query(server.port)));
      expect(answers).toHaveLength(60);
    });
  });

  test("more connections than allowed are turned away, and their places are given again", async () => {
    await withServer({ maxConnections: 3 }, async (server) => {
      const open = () =>
        new Promise<net.Socket>((resolve) => {
          const socket = net.connect(server.port, "127.0.0.1", () => resolve(socket));
          socket.on("error", () => {});
        });
      const held = [await open(), await open(), await open()];
      await waitFor("three connections", () => server.stats.connections === 3);
      const extra = await open();
      await new Promise<void>((resolve) => extra.once("close", () => resolve()));
      held[0]!.destroy();
      await waitFor("a free place", () => server.stats.connections === 2);
      expect((await query(server.port)).currentLeader).toBe("done");
      for (const socket of held) socket.destroy();
    });
  });

  test("a connection that does not begin HTTP/2 is closed", async () => {
    await withServer({ handshakeTimeoutMs: 100 }, async (server) => {
      const socket = net.connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    });
  });

  test("all requests together hold no more memory than allowed", async () => {
    await withServer({ maxBufferedBytes: 100_000 }, async (server) => {
      using session = openSession(server.port);
      const frame = Buffer.alloc(40_000);
      frame.writeUInt32BE(39_995, 1);
      const calls = Array.from({ length: 5 }, () => rawCall(session, {}, frame.subarray(0, 30_000), false));
      const first = await Promise.race(calls);
      expect(first.code).toBe(8);
      expect(first.message).toContain("too many requests");
    });
  });
});
