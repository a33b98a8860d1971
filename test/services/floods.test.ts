import { describe, expect, test } from "bun:test";
import net from "node:net";
import tls from "node:tls";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { insecureTransport } from "../../src/security/tls.ts";
import { createCallers } from "../../src/services/callers.ts";
import { defaultLimits, type RpcLimits } from "../../src/services/limits.ts";
import type { RpcServer } from "../../src/services/serve.ts";
import { testAuthority } from "../security/authority.ts";
import { waitFor } from "../support/wait.ts";
import { openSession, rawCall, recordingLog, serve } from "./harness.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const [DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, WINDOW, CONTINUATION] = [0, 1, 2, 3, 4, 6, 8, 9];
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** ":method POST, :scheme http, :path /, :authority a", indexed. */
const head = Buffer.from([0x83, 0x86, 0x84, 0x41, 0x01, 0x61]);
/** "x-a: <n bytes>", not indexed. */
function field(bytes: number): Buffer {
  const length: number[] = [0x7f];
  for (let rest = bytes - 0x7f; ; rest >>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      break;
    }
    length.push((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([
    Buffer.from([0x00, 0x03]),
    Buffer.from("x-a"),
    Buffer.from(length),
    Buffer.alloc(bytes, 0x62),
  ]);
}
const streamOf = (i: number) => 1 + 2 * i;

/** Frames by number; the server ends such a connection, or it costs it next to nothing. */
const floods: Record<string, { ends: boolean; make: (i: number) => Buffer }> = {
  "rapid reset": {
    ends: true,
    make: (i) =>
      Buffer.concat([
        frame(HEADERS, END_HEADERS, streamOf(i), head),
        frame(RST, 0, streamOf(i), Buffer.from([0, 0, 0, 8])),
      ]),
  },
  settings: { ends: true, make: () => frame(SETTINGS, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])) },
  "empty settings": { ends: true, make: () => frame(SETTINGS, 0, 0) },
  ping: { ends: true, make: () => frame(PING, 0, 0, Buffer.alloc(8)) },
  "continuations that go on": {
    ends: true,
    make: (i) => (i === 0 ? frame(HEADERS, 0, 1, head) : frame(CONTINUATION, 0, 1, field(300))),
  },
  "one huge header": {
    ends: true,
    make: (i) => frame(HEADERS, END_HEADERS, streamOf(i), Buffer.concat([head, field(16_000)])),
  },
  "a header bomb": {
    // One field of 4,000 bytes kept by the decoder, then named 16,000 times in a header of 16 kB.
    ends: true,
    make: (i) => {
      const stored = Buffer.concat([Buffer.from([0x40]), field(4000).subarray(1)]);
      const bomb = i === 0 ? stored : Buffer.alloc(16_000, 0xbe);
      return frame(HEADERS, END_HEADERS, streamOf(i), Buffer.concat([head, bomb]));
    },
  },
  "empty data": {
    ends: true,
    make: (i) => (i === 0 ? frame(HEADERS, END_HEADERS, 1, head) : frame(DATA, 0, 1)),
  },
  "empty continuations": {
    ends: false,
    make: (i) => (i === 0 ? frame(HEADERS, 0, 1, head) : frame(CONTINUATION, 0, 1)),
  },
  priority: { ends: false, make: (i) => frame(PRIORITY, 0, streamOf(i % 50), Buffer.from([0, 0, 0, 0, 10])) },
  "window updates": { ends: false, make: () => frame(WINDOW, 0, 0, Buffer.from([0, 0, 0, 1])) },
  "frames nobody knows": { ends: false, make: () => frame(0xfa, 0, 0, Buffer.alloc(10)) },
};

const service = { leaderQuery: { roles: ["admin" as const], handle: () => ({ currentLeader: "here" }) } };
const options = { security: insecureTransport, timeoutMs: 5000, component: "admin" } as const;
const query = (port: number, security: typeof options.security | object = insecureTransport) =>
  callUnary(
    MgmtSvc.method.leaderQuery,
    `127.0.0.1:${port}`,
    { sys: "daos_server" },
    { ...options, security: security as never },
  );

async function withServer(
  limits: Partial<RpcLimits>,
  work: (server: RpcServer, lines: string[]) => Promise<void>,
) {
  const log = recordingLog();
  const server = await serve(service, { limits, log });
  try {
    await work(server, log.lines);
  } finally {
    closeConnections();
    await server.close(0);
  }
}

describe("other clients are served while one floods the port with", () => {
  for (const [name, { ends, make }] of Object.entries(floods)) {
    test(name, async () => {
      await withServer({ resetBurst: 100, resetsPerSecond: 10 }, async (server) => {
        await query(server.port);
        const socket = net.connect(server.port, "127.0.0.1");
        let closed = false;
        socket.on("close", () => (closed = true));
        socket.on("error", () => {});
        socket.resume();
        socket.write(Buffer.concat([preface, frame(SETTINGS, 0, 0)]));
        const before = process.memoryUsage().rss;
        let sent = 0;
        let served = 0;
        for (let round = 0; round < 60 && !(ends && closed); round++) {
          const batch = Array.from({ length: 500 }, () => make(sent++));
          if (!closed && !socket.write(Buffer.concat(batch))) {
            await new Promise<void>((resolve) => {
              socket.once("drain", resolve);
              socket.once("close", () => resolve());
            });
          }
          await query(server.port);
          served++;
        }
        expect(served).toBeGreaterThan(0);
        if (ends) await waitFor("the end of the flood's connection", () => closed);
        expect((await query(server.port)).currentLeader).toBe("here");
        expect(process.memoryUsage().rss - before).toBeLessThan(150 << 20);
        socket.destroy();
      });
    }, 20_000);
  }
});

describe("bounds by address", () => {
  test("connections: more from one address are turned away, and it is logged once a second", async () => {
    await withServer({ maxConnectionsPerAddress: 3 }, async (server, lines) => {
      const held = await Promise.all([
        connected(server.port),
        connected(server.port),
        connected(server.port),
      ]);
      await waitFor("three", () => server.stats.connections === 3);
      for (let i = 0; i < 10; i++) await turnedAway(server.port);
      expect(lines.filter((line) => line.includes("turned away")).length).toBe(1);
      held[0]?.destroy();
      await waitFor("a place", () => server.stats.connections === 2);
      expect((await query(server.port)).currentLeader).toBe("here");
      for (const socket of held) socket.destroy();
    });
  });

  test("connections opened too fast are turned away", async () => {
    await withServer({ connectBurst: 4, connectsPerSecond: 0 }, async (server) => {
      for (let i = 0; i < 4; i++) (await connected(server.port)).destroy();
      await waitFor("none open", () => server.stats.connections === 0);
      await turnedAway(server.port);
    });
  });

  test("request bodies of one address take no more memory than its share", async () => {
    await withServer({ maxBufferedBytesPerAddress: 100_000 }, async (server) => {
      using session = openSession(server.port);
      const body = Buffer.alloc(40_000);
      body.writeUInt32BE(39_995, 1);
      const calls = Array.from({ length: 5 }, () => rawCall(session, {}, body.subarray(0, 30_000), false));
      expect((await Promise.race(calls)).code).toBe(8);
    });
  });

  test("are counted for each address alone, and given back", () => {
    let now = 0;
    const limits = {
      ...defaultLimits,
      connectBurst: 2,
      connectsPerSecond: 1,
      maxConnectionsPerAddress: 2,
      maxCalls: 3,
      maxCallsPerAddress: 2,
      maxBufferedBytes: 100,
      maxBufferedBytesPerAddress: 60,
    };
    const callers = createCallers(limits, () => now);
    const a = callers.connect("a")!;
    const b = callers.connect("b")!;
    expect(callers.connect("a")).toBe(a);
    expect(callers.connect("a")).toBeUndefined();
    callers.disconnect("a", a);
    // The place is free, but it opens them too fast.
    expect(callers.connect("a")).toBeUndefined();
    now = 1000;
    expect(callers.connect("a")).toBe(a);
    expect([callers.beginCall(a), callers.beginCall(a), callers.beginCall(a)]).toEqual([true, true, false]);
    expect([callers.beginCall(b), callers.beginCall(b)]).toEqual([true, false]);
    callers.endCall(a);
    expect(callers.beginCall(b)).toBe(true);
    expect([callers.hold(a, 60), callers.hold(b, 40), callers.hold(b, 1)]).toEqual([true, true, false]);
    callers.release(b, 41);
    callers.release(a, 60);
    expect(callers.hold(a, 61)).toBe(false);
  });
});

describe("slow clients", () => {
  test("a header that is never finished holds nobody up", async () => {
    await withServer({}, async (server) => {
      const sockets = await Promise.all(Array.from({ length: 50 }, () => connected(server.port)));
      for (const socket of sockets)
        socket.write(Buffer.concat([preface, frame(SETTINGS, 0, 0), frame(HEADERS, 0, 1, head)]));
      expect((await query(server.port)).currentLeader).toBe("here");
      for (const socket of sockets) socket.destroy();
    });
  });

  test("a message that does not arrive in time is refused", async () => {
    await withServer({ receiveTimeoutMs: 50 }, async (server) => {
      using session = openSession(server.port);
      expect((await rawCall(session, {}, Buffer.from([0, 0, 0]), false)).code).toBe(4);
    });
  });

  test("too many header fields are refused, and the others go on", async () => {
    await withServer({ maxHeaderFields: 20 }, async (server) => {
      using session = openSession(server.port);
      const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-h-${i}`, "1"]));
      const answer = await rawCall(session, many);
      expect(answer.code).not.toBe(0);
      expect((await query(server.port)).currentLeader).toBe("here");
    });
  });

  test("a TLS handshake that is never finished is cut", async () => {
    const ca = await testAuthority();
    const server = await serve(service, {
      transport: await ca.transport("server"),
      limits: { handshakeTimeoutMs: 150 },
    });
    const sockets = await Promise.all(Array.from({ length: 20 }, () => connected(server.port)));
    // The first bytes of a client hello, and nothing after.
    for (const socket of sockets) socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
    const security = await ca.transport("admin");
    expect((await query(server.port, security)).currentLeader).toBe("here");
    await waitFor("their end", () => sockets.every((socket) => socket.destroyed));
    closeConnections();
    await server.close(0);
  });
});

describe("a downgrade of TLS", () => {
  test("is refused: versions before 1.2, suites other than 2.6's", async () => {
    const ca = await testAuthority();
    const transport = await ca.transport("server");
    const server = await serve(service, { transport });
    const attempt = (wish: tls.ConnectionOptions) =>
      new Promise<string>((resolve) => {
        const socket = tls.connect({
          port: server.port,
          host: "127.0.0.1",
          rejectUnauthorized: false,
          ALPNProtocols: ["h2"],
          ...wish,
        });
        socket.on("secureConnect", () => {
          resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
          socket.destroy();
        });
        socket.on("error", () => resolve("refused"));
        socket.on("close", () => resolve("refused"));
      });
    for (const version of ["TLSv1", "TLSv1.1"] as const) {
      expect(await attempt({ minVersion: version, maxVersion: version })).toBe("refused");
    }
    for (const ciphers of ["AES128-SHA", "AES256-SHA", "ECDHE-RSA-AES128-SHA", "DES-CBC3-SHA"]) {
      expect(await attempt({ maxVersion: "TLSv1.2", ciphers })).toBe("refused");
    }
    expect(await attempt({ maxVersion: "TLSv1.2", ciphers: "AES256-GCM-SHA384" })).toBe(
      "TLSv1.2 AES256-GCM-SHA384",
    );
    expect(await attempt({})).toContain("TLSv1.3");
    await server.close(0);
  });
});

function connected(port: number): Promise<net.Socket> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", () => {});
    socket.resume();
  });
}

async function turnedAway(port: number): Promise<void> {
  const socket = await connected(port);
  if (!socket.destroyed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}
