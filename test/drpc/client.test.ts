import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { callDrpc, createDrpcClient, DrpcConnectionError, DrpcTimeoutError } from "../../src/drpc/client.ts";
import { decodeCall, encodeResponse } from "../../src/drpc/frames.ts";
import { listenSeqpacket } from "../../src/drpc/seqpacket.ts";
import { listenDrpc } from "../../src/drpc/server.ts";
import { DrpcStatusError, Status } from "../../src/drpc/status.ts";
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

interface FakePeer {
  path: string;
  /** Sequences received, per connection. */
  sequences: bigint[][];
}

/** An engine that answers what `answer` says: a packet, nothing at all, or "close". */
async function fakeEngine(answer: (sequence: bigint) => Uint8Array | "close" | undefined): Promise<FakePeer> {
  const path = tempSocket();
  const sequences: bigint[][] = [];
  const listener = await listenSeqpacket(path, 0o600, (socket) => {
    const own: bigint[] = [];
    sequences.push(own);
    return {
      onPacket(packet) {
        const { sequence } = decodeCall(packet);
        own.push(sequence);
        const reply = answer(sequence);
        if (reply === "close") socket.terminate();
        else if (reply !== undefined) void socket.send(reply);
      },
      onClose() {},
    };
  });
  cleanUp(() => listener.close());
  return { path, sequences };
}

const good = (sequence: bigint) => encodeResponse(sequence, Status.SUCCESS, bytes(1));
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (reason: unknown) => reason,
  );

describe("callDrpc", () => {
  test("starts each connection with sequence 1", async () => {
    const { path, sequences } = await fakeEngine(good);
    await callDrpc(path, 2, 202, bytes());
    await callDrpc(path, 2, 202, bytes());
    expect(sequences).toEqual([[1n], [1n]]);
  });

  test("says that nobody is there", async () => {
    const error = await failureOf(callDrpc(tempSocket(), 2, 202, bytes()));
    expect(error).toBeInstanceOf(DrpcConnectionError);
    expect((error as DrpcConnectionError).code).toBe("ENOENT");
  });

  test("says that the socket is dead", async () => {
    const path = tempSocket();
    fs.writeFileSync(path, "");
    expect(((await failureOf(callDrpc(path, 2, 202, bytes()))) as DrpcConnectionError).code).toBe(
      "ECONNREFUSED",
    );
  });

  test("refuses an answer to another call", async () => {
    const { path } = await fakeEngine((sequence) => good(sequence + 1n));
    expect(String(await failureOf(callDrpc(path, 2, 202, bytes())))).toContain("answer 2 to call 1");
  });

  test("refuses an answer that is no Response", async () => {
    const { path } = await fakeEngine(() => bytes(0xff, 0xff));
    expect(String(await failureOf(callDrpc(path, 2, 202, bytes())))).toContain(
      "undecodable answer to MGMT:SET_RANK",
    );
  });

  test("refuses an empty answer: no call of ours has sequence 0", async () => {
    const { path } = await fakeEngine(() => bytes());
    expect(await failureOf(callDrpc(path, 2, 202, bytes()))).toBeInstanceOf(DrpcConnectionError);
  });

  test("takes the status of a peer that could not read the call, which has sequence -1", async () => {
    const { path } = await fakeEngine(() => encodeResponse(-1n, Status.FAILED_UNMARSHAL_CALL));
    const error = await failureOf(callDrpc(path, 2, 202, bytes()));
    expect((error as DrpcStatusError).status).toBe(Status.FAILED_UNMARSHAL_CALL);
  });

  test("takes a status that is not known", async () => {
    const { path } = await fakeEngine((sequence) => encodeResponse(sequence, 99 as Status));
    const error = await failureOf(callDrpc(path, 2, 202, bytes()));
    expect((error as DrpcStatusError).status as number).toBe(99);
  });

  test("gives up when there is no answer in time, and closes the connection", async () => {
    const before = openSockets();
    const { path } = await fakeEngine(() => undefined);
    const error = await failureOf(callDrpc(path, 2, 202, bytes(), { timeoutMs: 30 }));
    expect(error).toBeInstanceOf(DrpcTimeoutError);
    await until(() => openSockets() <= before + 1); // the listener is left
  });

  test("gives up when the peer closes without an answer", async () => {
    const { path } = await fakeEngine(() => "close");
    expect(String(await failureOf(callDrpc(path, 2, 202, bytes())))).toContain(
      "closed the connection before it answered",
    );
  });

  test("gives up when told to", async () => {
    const { path, sequences } = await fakeEngine(() => undefined);
    const stop = new AbortController();
    const call = failureOf(callDrpc(path, 2, 202, bytes(), { signal: stop.signal }));
    await until(() => sequences[0]?.length === 1);
    stop.abort(new Error("enough"));
    expect(String(await call)).toContain("enough");
  });

  test("does not begin when already told to stop", async () => {
    const { path, sequences } = await fakeEngine(good);
    await failureOf(callDrpc(path, 2, 202, bytes(), { signal: AbortSignal.abort(new Error("no")) }));
    expect(sequences).toEqual([]);
  });

  test("refuses a call that an engine could not receive", async () => {
    const { path, sequences } = await fakeEngine(good);
    const error = await failureOf(callDrpc(path, 2, 202, new Uint8Array(131_072)));
    expect((error as DrpcConnectionError).code).toBe("EMSGSIZE");
    expect(sequences.flat()).toEqual([]);
    await callDrpc(path, 2, 202, new Uint8Array(131_000));
  });

  test("waits while the listener's queue is full, at most until its deadline", async () => {
    const path = tempSocket();
    await startPeer("full-queue", path).said();
    const error = await failureOf(callDrpc(path, 2, 202, bytes(), { timeoutMs: 60 }));
    expect(error).toBeInstanceOf(DrpcTimeoutError);
  });
});

describe("a kept client", () => {
  test("uses one connection for calls after each other, with rising sequences", async () => {
    const { path, sequences } = await fakeEngine(good);
    const client = createDrpcClient(path);
    cleanUp(() => client.close());
    for (let i = 0; i < 5; i++) await client.call(2, 223, bytes());
    expect(sequences).toEqual([[1n, 2n, 3n, 4n, 5n]]);
  });

  test("connects again by itself when the engine has restarted", async () => {
    const path = tempSocket();
    const serve = (tag: number) =>
      listenDrpc({ path, mode: 0o600, modules: { 2: { 1: () => bytes(tag) } }, log: keepLog() });
    const client = createDrpcClient(path);
    cleanUp(() => client.close());
    for (let round = 1; round <= 3; round++) {
      const engine = await serve(round);
      expect([...(await client.call(2, 1, bytes()))]).toEqual([round]);
      expect([...(await client.call(2, 1, bytes()))]).toEqual([round]);
      await engine.close();
      expect(await failureOf(client.call(2, 1, bytes()))).toBeInstanceOf(DrpcConnectionError);
    }
  });

  test("connects again when the engine was killed and nothing told us yet", async () => {
    const path = tempSocket();
    const client = createDrpcClient(path);
    cleanUp(() => client.close());
    for (let round = 0; round < 3; round++) {
      const engine = startPeer("engine", path);
      await engine.said();
      expect([...(await client.call(2, 1, bytes(6)))]).toEqual([6]);
      await engine.kill();
      fs.rmSync(path);
    }
  });

  test("does not repeat a call that the old engine may have read", async () => {
    let calls = 0;
    const { path } = await fakeEngine((sequence) => (++calls === 2 ? "close" : good(sequence)));
    const client = createDrpcClient(path);
    cleanUp(() => client.close());
    await client.call(2, 1, bytes());
    expect(await failureOf(client.call(2, 1, bytes()))).toBeInstanceOf(DrpcConnectionError);
    expect(calls).toBe(2);
    await client.call(2, 1, bytes());
    expect(calls).toBe(3);
  });

  test("goes on after a status, on the same connection", async () => {
    const { path, sequences } = await fakeEngine((sequence) =>
      sequence === 1n ? encodeResponse(sequence, Status.FAILURE) : good(sequence),
    );
    const client = createDrpcClient(path);
    cleanUp(() => client.close());
    expect(await failureOf(client.call(2, 1, bytes()))).toBeInstanceOf(DrpcStatusError);
    await client.call(2, 1, bytes());
    expect(sequences).toEqual([[1n, 2n]]);
  });

  test("goes on after a timeout, on a new connection, where a late answer is not seen", async () => {
    const { path, sequences } = await fakeEngine((sequence) =>
      sequence === 2n ? undefined : good(sequence),
    );
    const client = createDrpcClient(path);
    cleanUp(() => client.close());
    await client.call(2, 1, bytes());
    expect(await failureOf(client.call(2, 1, bytes(), { timeoutMs: 20 }))).toBeInstanceOf(DrpcTimeoutError);
    await client.call(2, 1, bytes());
    expect(sequences).toEqual([[1n, 2n], [1n]]);
  });

  test("lets no call wait for another, up to its number of connections", async () => {
    const gate = Promise.withResolvers<void>();
    const path = tempSocket();
    const slow = async () => {
      await gate.promise;
      return bytes(1);
    };
    const server = await listenDrpc({
      path,
      mode: 0o600,
      modules: { 2: { 1: slow, 2: () => bytes(2) } },
      log: keepLog(),
    });
    const client = createDrpcClient(path, { maxConnections: 3 });
    cleanUp(() => {
      gate.resolve();
      client.close();
      return server.close(50);
    });
    const creates = [client.call(2, 1, bytes()), client.call(2, 1, bytes())];
    expect([...(await client.call(2, 2, bytes(), { timeoutMs: 2000 }))]).toEqual([2]);
    creates.push(client.call(2, 1, bytes()));
    // All three are taken: the next waits, at most until its own deadline.
    expect(await failureOf(client.call(2, 2, bytes(), { timeoutMs: 20 }))).toBeInstanceOf(DrpcTimeoutError);
    const stop = new AbortController();
    const given = failureOf(client.call(2, 2, bytes(), { signal: stop.signal }));
    stop.abort(new Error("given up"));
    expect(String(await given)).toContain("given up");
    const last = client.call(2, 2, bytes());
    gate.resolve();
    await Promise.all(creates);
    expect([...(await last)]).toEqual([2]);
  });

  test("refuses calls beyond its queue", async () => {
    const { path } = await fakeEngine(() => undefined);
    const client = createDrpcClient(path, { maxConnections: 1, maxWaiting: 1 });
    const calls = [
      failureOf(client.call(2, 1, bytes())),
      failureOf(client.call(2, 1, bytes(), { timeoutMs: 50 })),
    ];
    expect(((await failureOf(client.call(2, 1, bytes()))) as DrpcConnectionError).code).toBe("EBUSY");
    await calls[1];
    client.close();
    expect(await calls[0]).toBeInstanceOf(DrpcConnectionError);
  });

  test("closes all its connections, and refuses calls afterwards", async () => {
    const before = openSockets();
    const { path } = await fakeEngine(good);
    const client = createDrpcClient(path);
    await Promise.all(Array.from({ length: 20 }, () => client.call(2, 1, bytes())));
    client.close();
    expect(String(await failureOf(client.call(2, 1, bytes())))).toContain("closed");
    await until(() => openSockets() <= before + 1);
  });
});

test("a socket in a folder that may not be entered says so", async () => {
  if (process.getuid!() === 0) return; // root may enter any
  const folder = tempFolder();
  fs.chmodSync(folder, 0);
  cleanUp(() => fs.chmodSync(folder, 0o700));
  expect(((await failureOf(callDrpc(`${folder}/s`, 2, 1, bytes()))) as DrpcConnectionError).code).toBe(
    "EACCES",
  );
});
