import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import net from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { drpcMethod } from "../../src/drpc/body.ts";
import { callDrpc } from "../../src/drpc/client.ts";
import { decodeResponse, encodeCall } from "../../src/drpc/frames.ts";
import { listenDrpc } from "../../src/drpc/server.ts";
import { sessionsFor } from "../../src/drpc/session-limit.ts";
import { DrpcStatusError, Status } from "../../src/drpc/status.ts";
import type { DrpcModules, DrpcPeer, DrpcServer, DrpcSession } from "../../src/drpc/types.ts";
import { isFault } from "../../src/faults/fault.ts";
import { connectRaw } from "./raw-peer.ts";
import {
  bytes,
  cleanUp,
  cleanUpAfterEach,
  keepLog,
  openSockets,
  startPeer,
  tempFolder,
  tempSocket,
  until,
} from "./support.ts";

cleanUpAfterEach();

const ECHO = 1;
const SLOW = 2;
const THROW = 3;
const PEER = 4;

interface Bench {
  path: string;
  server: DrpcServer;
  log: ReturnType<typeof keepLog>;
  sessions: DrpcSession[];
  /** Lets calls of SLOW answer. */
  open(): void;
  running(): number;
  mostRunning(): number;
}

async function start(
  options: {
    maxRunningCalls?: number;
    maxSessions?: number;
    maxAnswerBytes?: number;
    more?: DrpcModules;
  } = {},
): Promise<Bench> {
  const { more, ...limits } = options;
  const path = tempSocket();
  const log = keepLog();
  const gate = Promise.withResolvers<void>();
  const sessions: DrpcSession[] = [];
  let running = 0;
  let mostRunning = 0;
  const modules: DrpcModules = {
    2: {
      [ECHO]: (body) => body,
      [SLOW]: async (body, session) => {
        sessions.push(session);
        mostRunning = Math.max(mostRunning, ++running);
        await gate.promise;
        running--;
        return body;
      },
      [THROW]: (body) => {
        throw body.length === 0 ? new Error("broken") : new DrpcStatusError(body[0]!);
      },
      [PEER]: (_, { peer }) => Buffer.from(JSON.stringify(peer)),
    },
    ...more,
  };
  const server = await listenDrpc({ path, mode: 0o600, modules, log, ...limits });
  cleanUp(() => {
    gate.resolve();
    return server.close(100);
  });
  return {
    path,
    server,
    log,
    sessions,
    open: gate.resolve,
    running: () => running,
    mostRunning: () => mostRunning,
  };
}

async function statusOfCall(call: Promise<unknown>): Promise<number> {
  const error = await call.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(DrpcStatusError);
  return (error as DrpcStatusError).status;
}

describe("a dRPC server answers", () => {
  test("with the body of the handler", async () => {
    const { path } = await start();
    expect([...(await callDrpc(path, 2, ECHO, bytes(1, 2, 3)))]).toEqual([1, 2, 3]);
  });

  test("with an empty body", async () => {
    const { path } = await start();
    expect((await callDrpc(path, 2, ECHO, bytes())).length).toBe(0);
  });

  test("UNKNOWN_MODULE", async () => {
    const { path, log } = await start();
    expect(await statusOfCall(callDrpc(path, 9, 1, bytes()))).toBe(Status.UNKNOWN_MODULE);
    expect(log.lines.join()).toContain("unregistered module 9");
  });

  test("UNKNOWN_METHOD", async () => {
    const { path } = await start();
    expect(await statusOfCall(callDrpc(path, 2, 299, bytes()))).toBe(Status.UNKNOWN_METHOD);
  });

  test("UNKNOWN_METHOD for names that every object has", async () => {
    const { path } = await start({ more: { 5: Object.create({ 1: () => bytes() }) } });
    expect(await statusOfCall(callDrpc(path, 5, 1, bytes()))).toBe(Status.UNKNOWN_METHOD);
  });

  test("FAILURE for anything thrown, and logs why", async () => {
    const { path, log } = await start();
    expect(await statusOfCall(callDrpc(path, 2, THROW, bytes()))).toBe(Status.FAILURE);
    expect(log.lines.join()).toContain("broken");
  });

  for (const status of [
    Status.SUBMITTED,
    Status.FAILURE,
    Status.UNKNOWN_MODULE,
    Status.UNKNOWN_METHOD,
    Status.FAILED_UNMARSHAL_CALL,
    Status.FAILED_UNMARSHAL_PAYLOAD,
    Status.FAILED_MARSHAL,
  ]) {
    test(`the status ${Status[status]} that a handler throws`, async () => {
      const { path } = await start();
      expect(await statusOfCall(callDrpc(path, 2, THROW, bytes(status)))).toBe(status);
    });
  }

  test("FAILED_UNMARSHAL_PAYLOAD for a body that is not the method's message", async () => {
    const hello = drpcMethod(StringValueSchema, StringValueSchema, ({ value }) => ({
      value: `hello ${value}`,
    }));
    const later = drpcMethod(StringValueSchema, StringValueSchema, async ({ value }) => ({
      value: `later ${value}`,
    }));
    const { path } = await start({ more: { 7: { 1: hello, 2: later } } });
    const world = toBinary(StringValueSchema, create(StringValueSchema, { value: "you" }));
    expect(Buffer.from(await callDrpc(path, 7, 1, world)).toString("latin1")).toContain("hello you");
    expect(Buffer.from(await callDrpc(path, 7, 2, world)).toString("latin1")).toContain("later you");
    expect(await statusOfCall(callDrpc(path, 7, 1, bytes(0x0a, 0x20)))).toBe(Status.FAILED_UNMARSHAL_PAYLOAD);
  });

  test("FAILURE when the answer is longer than the peer can receive", async () => {
    const { path } = await start({ maxAnswerBytes: 100 });
    expect(await statusOfCall(callDrpc(path, 2, ECHO, new Uint8Array(101)))).toBe(Status.FAILURE);
    expect((await callDrpc(path, 2, ECHO, new Uint8Array(100))).length).toBe(100);
  });

  test("with the sequence of the call", async () => {
    const { path } = await start();
    const peer = await connectRaw(path);
    for (const sequence of [1n, 2n, 77n, -5n, 2n ** 63n - 1n]) {
      await peer.send(encodeCall(2, ECHO, sequence, bytes(9)));
      expect(decodeResponse(await peer.receive()).sequence).toBe(sequence);
      await peer.send(encodeCall(2, 99, sequence, bytes(9)));
      const unknown = decodeResponse(await peer.receive());
      expect([unknown.sequence, unknown.status]).toEqual([sequence, Status.UNKNOWN_METHOD]);
    }
    peer.socket.terminate();
  });

  test("an empty packet when all fields have their defaults, as an engine's first NotifyReady wants", async () => {
    const { path } = await start();
    expect(await startPeer("first-notice", path).said()).toBe("0 bytes, then 3 bytes\n");
  });

  test("calls of one connection in the order they came", async () => {
    const { path, open, running } = await start();
    const peer = await connectRaw(path);
    await peer.send(encodeCall(2, SLOW, 1n, bytes()));
    await peer.send(encodeCall(2, ECHO, 2n, bytes()));
    await peer.send(encodeCall(2, ECHO, 3n, bytes()));
    await until(() => running() === 1);
    open();
    const order = [];
    for (let i = 0; i < 3; i++) order.push(decodeResponse(await peer.receive()).sequence);
    expect(order).toEqual([1n, 2n, 3n]);
    peer.socket.terminate();
  });

  test("with who the peer is", async () => {
    const { path } = await start();
    const peer: DrpcPeer = JSON.parse(Buffer.from(await callDrpc(path, 2, PEER, bytes())).toString());
    expect(peer).toEqual({ pid: process.pid, uid: process.getuid!(), gid: process.getgid!() });
  });

  test("packets up to the limit of either side", async () => {
    const { path } = await start();
    for (const length of [1, 131_000, 212_960, 212_961, 400_000]) {
      const body = crypto.getRandomValues(new Uint8Array(Math.min(length, 60_000)));
      const large = new Uint8Array(length);
      for (let at = 0; at < length; at += body.length) large.set(body.subarray(0, length - at), at);
      const answer = await callDrpc(path, 2, ECHO, large, { maxCallBytes: 1 << 20 });
      expect(Buffer.compare(Buffer.from(answer), Buffer.from(large))).toBe(0);
    }
  });
});

describe("a malformed packet", () => {
  test("is answered FAILED_UNMARSHAL_CALL with sequence -1, and the connection lives on", async () => {
    const { path } = await start();
    const peer = await connectRaw(path);
    await peer.send(bytes(0xff, 0xff, 0xff));
    const refused = decodeResponse(await peer.receive());
    expect([refused.sequence, refused.status, refused.body.length]).toEqual([
      -1n,
      Status.FAILED_UNMARSHAL_CALL,
      0,
    ]);
    await peer.send(encodeCall(2, ECHO, 4n, bytes(5)));
    expect([...decodeResponse(await peer.receive()).body]).toEqual([5]);
    peer.socket.terminate();
  });

  test("that is too long to be received whole is refused", async () => {
    const { path } = await start();
    const peer = await connectRaw(path);
    for (const length of [524_288, 600_000]) {
      // Cut off where fields end, it would still look like a call.
      const packet = new Uint8Array(length);
      for (let at = 0; at + 1 < length; at += 2) packet.set([0x08, 0x02], at);
      await peer.send(packet);
      expect(decodeResponse(await peer.receive()).status).toBe(Status.FAILED_UNMARSHAL_CALL);
    }
    peer.socket.terminate();
  });

  test("that is empty ends its own connection only", async () => {
    const { path } = await start();
    const [bad, good] = [await connectRaw(path), await connectRaw(path)];
    await bad.send(bytes());
    await bad.closed;
    await good.send(encodeCall(2, ECHO, 1n, bytes(1)));
    expect([...decodeResponse(await good.receive()).body]).toEqual([1]);
    good.socket.terminate();
  });

  test("of any kind harms only its sender", async () => {
    const { path } = await start();
    const good = await connectRaw(path);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), async (noise) => {
        const bad = await connectRaw(path);
        await bad.send(noise);
        decodeResponse(await bad.receive()); // an answer, whatever it says
        bad.socket.terminate();
        await good.send(encodeCall(2, ECHO, 1n, noise));
        expect([...decodeResponse(await good.receive()).body]).toEqual([...noise]);
      }),
      { numRuns: 200 },
    );
    good.socket.terminate();
  });
});

describe("many peers", () => {
  test("400 at once, each with its own answer, and no descriptor is left", async () => {
    const before = openSockets();
    const { path, server } = await start();
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, n) => callDrpc(path, 2, ECHO, bytes(n & 255, n >> 8))),
    );
    answers.forEach((answer, n) => {
      expect([...answer]).toEqual([n & 255, n >> 8]);
    });
    await server.close();
    await until(() => openSockets() <= before);
  });

  test("300 that wait do not keep another from its answer", async () => {
    const { path, open, running } = await start();
    const waiting = Array.from({ length: 300 }, (_, n) => callDrpc(path, 2, SLOW, bytes(n & 255)));
    await until(() => running() === 300);
    expect([...(await callDrpc(path, 2, ECHO, bytes(1)))]).toEqual([1]);
    open();
    expect((await Promise.all(waiting)).length).toBe(300);
  });

  test("run no more calls at once than allowed; the others wait their turn", async () => {
    const { path, open, running, mostRunning } = await start({ maxRunningCalls: 4 });
    const calls = Array.from({ length: 40 }, (_, n) => callDrpc(path, 2, SLOW, bytes(n)));
    await until(() => running() === 4);
    open();
    const answers = await Promise.all(calls);
    expect(answers.map((answer) => answer[0])).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(mostRunning()).toBe(4);
  });

  test("beyond the limit of connections are refused, and served when there is room", async () => {
    const { path, log } = await start({ maxSessions: 3 });
    const peers = [await connectRaw(path), await connectRaw(path), await connectRaw(path)];
    for (const peer of peers) {
      await peer.send(encodeCall(2, ECHO, 1n, bytes()));
      await peer.receive();
    }
    const refused = await connectRaw(path);
    await refused.closed;
    expect(log.lines.join()).toContain("connection refused");
    peers[0]!.socket.terminate();
    await until(async () => (await callDrpc(path, 2, ECHO, bytes(1)).catch(() => undefined)) !== undefined);
    for (const peer of peers) peer.socket.terminate();
  });

  test("are as many as the limit of open files leaves room for", () => {
    expect([20, 64, 400, 1024, 20_000, Number.POSITIVE_INFINITY].map(sessionsFor)).toEqual([
      10, 32, 200, 768, 8192, 8192,
    ]);
  });

  test("that send without reading answers are not read from any more", async () => {
    const { path, server } = await start();
    const sender = startPeer("send-without-reading", path);
    expect(await sender.said()).toContain("blocked after");
    // Others are served meanwhile; and once it reads, every answer is there, in order.
    expect((await callDrpc(path, 2, ECHO, bytes(1))).length).toBe(1);
    sender.child.stdin.write("go\n");
    sender.child.stdin.flush();
    expect(await sender.said()).toBe("all in order\n");
    await server.close();
  });
});

describe("a peer that dies", () => {
  test("is seen by the handler at once", async () => {
    const { path, sessions } = await start();
    const peer = await connectRaw(path);
    await peer.send(encodeCall(2, SLOW, 1n, bytes()));
    await until(() => sessions.length === 1);
    expect(sessions[0]!.signal.aborted).toBe(false);
    peer.socket.terminate();
    await until(() => sessions[0]!.signal.aborted);
  });

  test("by SIGKILL in the middle of a call harms nobody", async () => {
    const { path, sessions, open } = await start();
    const victim = startPeer("call-and-hang", path);
    await until(() => sessions.length === 1);
    await victim.kill();
    await until(() => sessions[0]!.signal.aborted);
    open();
    expect([...(await callDrpc(path, 2, ECHO, bytes(3)))]).toEqual([3]);
  });

  test("before its turn came is not served", async () => {
    const { path, open, running, sessions } = await start({ maxRunningCalls: 1 });
    const first = callDrpc(path, 2, SLOW, bytes(1));
    await until(() => running() === 1);
    const before = openSockets();
    const peer = await connectRaw(path);
    await peer.send(encodeCall(2, SLOW, 1n, bytes(2)));
    await until(() => openSockets() === before + 2);
    peer.socket.terminate();
    await until(() => openSockets() === before);
    open();
    await first;
    await callDrpc(path, 2, ECHO, bytes());
    expect(sessions.length).toBe(1);
  });
});

describe("the socket file", () => {
  test("gets the mode asked for and goes away on close", async () => {
    const path = tempSocket();
    const server = await listenDrpc({ path, mode: 0o666, modules: {}, log: keepLog() });
    expect(fs.statSync(path).mode & 0o777).toBe(0o666);
    await server.close();
    expect(fs.existsSync(path)).toBe(false);
  });

  test("of a running server is not taken: fault 6", async () => {
    const { path } = await start();
    const error = await listenDrpc({ path, mode: 0o600, modules: {}, log: keepLog() }).catch(
      (reason) => reason,
    );
    expect(isFault(error, 6)).toBe(true);
    expect(error.description).toContain(path);
    expect((await callDrpc(path, 2, ECHO, bytes(1))).length).toBe(1);
  });

  test("of a stream server is not taken either", async () => {
    const path = tempSocket();
    const stream = net.createServer().listen(path);
    cleanUp(() => stream.close());
    await until(() => fs.existsSync(path));
    const error = await listenDrpc({ path, mode: 0o600, modules: {}, log: keepLog() }).catch(
      (reason) => reason,
    );
    expect(isFault(error, 6)).toBe(true);
  });

  test("left behind by a killed server is replaced", async () => {
    const path = tempSocket();
    const dead = startPeer("listen-and-hang", path);
    await dead.said();
    await dead.kill();
    expect(fs.existsSync(path)).toBe(true);
    const server = await listenDrpc({
      path,
      mode: 0o600,
      modules: { 2: { [ECHO]: (body) => body } },
      log: keepLog(),
    });
    expect((await callDrpc(path, 2, ECHO, bytes(1))).length).toBe(1);
    await server.close();
  });

  test("that is an ordinary file is left alone", async () => {
    const path = tempSocket();
    fs.writeFileSync(path, "precious");
    await expect(listenDrpc({ path, mode: 0o600, modules: {}, log: keepLog() })).rejects.toThrow("ENOTSOCK");
    expect(fs.readFileSync(path, "utf8")).toBe("precious");
  });

  test("with too long a path is refused by name", async () => {
    const path = `${tempFolder()}/${"x".repeat(120)}`;
    await expect(listenDrpc({ path, mode: 0o600, modules: {}, log: keepLog() })).rejects.toThrow(
      "ENAMETOOLONG",
    );
  });

  test("in a missing folder is refused by name", async () => {
    const path = `${tempFolder()}/none/t.sock`;
    await expect(listenDrpc({ path, mode: 0o600, modules: {}, log: keepLog() })).rejects.toThrow("ENOENT");
  });

  test("that another server has made meanwhile is not removed on close", async () => {
    const path = tempSocket();
    const server = await listenDrpc({ path, mode: 0o600, modules: {}, log: keepLog() });
    fs.renameSync(path, `${path}.old`);
    fs.writeFileSync(path, "new");
    await server.close();
    expect(fs.existsSync(path)).toBe(true);
  });
});

describe("closing", () => {
  test("lets running calls be answered", async () => {
    const { path, server, open, running } = await start();
    const call = callDrpc(path, 2, SLOW, bytes(8));
    await until(() => running() === 1);
    const closing = server.close(5000);
    open();
    expect([...(await call)]).toEqual([8]);
    await closing;
  });

  test("breaks off what takes longer than the grace", async () => {
    const { path, server, running } = await start();
    const call = callDrpc(path, 2, SLOW, bytes()).catch((reason) => reason);
    await until(() => running() === 1);
    await server.close(10);
    expect(String(await call)).toContain("closed the connection");
  });

  test("a server can listen on the same path at once again", async () => {
    const { path, server } = await start();
    await server.close();
    const again = await listenDrpc({
      path,
      mode: 0o600,
      modules: { 2: { [ECHO]: () => bytes(2) } },
      log: keepLog(),
    });
    expect([...(await callDrpc(path, 2, ECHO, bytes()))]).toEqual([2]);
    await again.close();
  });
});
