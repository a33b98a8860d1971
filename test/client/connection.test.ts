import { afterAll, expect, test } from "bun:test";
import type net from "node:net";
import { closeConnections, connectionTo } from "../../src/client/connection.ts";
import { insecureTransport } from "../../src/security/tls.ts";
import { FrameType, frame, framePeer } from "./frame-peer.ts";

afterAll(closeConnections);

const pong = (socket: net.Socket, payload: Buffer): void =>
  void socket.write(frame(FrameType.PING, 1, 0, payload));

test("an idle connection that answers a ping is used again", async () => {
  let pings = 0;
  using peer = await framePeer(
    () => {},
    (socket, payload) => {
      pings++;
      pong(socket, payload);
    },
  );
  const first = await connectionTo(`127.0.0.1:${peer.port}`, insecureTransport, 0);
  const second = await connectionTo(`127.0.0.1:${peer.port}`, insecureTransport, 0);
  expect(second).toBe(first);
  expect(pings).toBe(1);
});

test("an idle connection that does not answer a ping is replaced", async () => {
  using peer = await framePeer(() => {});
  const first = await connectionTo(`127.0.0.1:${peer.port}`, insecureTransport, 0);
  const second = await connectionTo(`127.0.0.1:${peer.port}`, insecureTransport, 0);
  expect(second).not.toBe(first);
  expect(peer.connections()).toBe(2);
});

test("a connection in use is not pinged", async () => {
  let pings = 0;
  using peer = await framePeer(
    () => {},
    () => pings++,
  );
  const first = await connectionTo(`127.0.0.1:${peer.port}`, insecureTransport);
  expect(await connectionTo(`127.0.0.1:${peer.port}`, insecureTransport)).toBe(first);
  expect(pings).toBe(0);
});
