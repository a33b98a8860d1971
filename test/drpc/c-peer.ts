/**
 * A dRPC peer in the manner of the C side: a process of its own, blocking calls, no event loop. It sees empty
 * packets as such, which Bun's sockets cannot. Started by tests as `bun c-peer.ts <role> <socket path>`.
 */
import { bindLibc } from "../../src/ffi/libc.ts";
import { setParentDeathSignal } from "../../src/ffi/process.ts";

setParentDeathSignal(9);

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  accept: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  pause: { args: [], returns: "i32" },
});

const [role = "", path = ""] = process.argv.slice(2);
const address = Buffer.from(`\x01\x00${path}\0`, "latin1");
const buffer = new Uint8Array(1 << 17);

/** AF_UNIX, SOCK_SEQPACKET, blocking. */
const newSocket = () => libc.socket(1, 5, 0);

function connected(): number {
  const fd = newSocket();
  if (libc.connect(fd, address, address.length) !== 0) throw new Error("connect failed");
  return fd;
}

function listening(backlog: number): number {
  const fd = newSocket();
  if (libc.bind(fd, address, address.length) !== 0) throw new Error("bind failed");
  libc.listen(fd, backlog);
  return fd;
}

/** SO_RCVTIMEO (20) or SO_SNDTIMEO (21). */
function setTimeoutOf(fd: number, option: number, timeoutMs: number): void {
  libc.setsockopt(
    fd,
    1,
    option,
    new BigInt64Array([BigInt(Math.floor(timeoutMs / 1000)), BigInt((timeoutMs % 1000) * 1000)]),
    16,
  );
}

const send = (fd: number, ...bytes: number[]) => libc.send(fd, Uint8Array.from(bytes), bytes.length, 0);
const receive = (fd: number) => libc.recv(fd, buffer, buffer.length, 0);

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

/** One answer must have no bytes at all; the next must have some. */
function firstNotice(): void {
  const fd = connected();
  setTimeoutOf(fd, 20, 5000);
  send(fd, 8, 2, 16, 1);
  const empty = receive(fd);
  send(fd, 8, 2, 16, 1, 34, 1, 7);
  console.log(`${empty} bytes, then ${receive(fd)} bytes`);
}

/** Sends calls of 8 KiB until the socket takes no more; told to go on, it reads and checks all answers. */
async function sendWithoutReading(): Promise<void> {
  const fd = connected();
  setTimeoutOf(fd, 21, 300);
  const body = new Array<number>(8192).fill(0);
  let sent = 0;
  while (sent < 100_000) {
    if (send(fd, 8, 2, 16, 1, 24, ...varint(sent + 1), 34, ...varint(body.length), ...body) < 0) break;
    sent++;
  }
  console.log(`blocked after ${sent}`);
  for await (const _ of console) break;
  setTimeoutOf(fd, 20, 5000);
  for (let n = 1; n <= sent; n++) {
    const length = receive(fd);
    const want = [8, ...varint(n)];
    if (length < body.length || want.some((byte, at) => buffer[at] !== byte))
      throw new Error(`wrong answer ${n}`);
  }
  console.log("all in order");
}

/** Answers each call with a body of its last byte. */
function engine(): never {
  const fd = listening(5);
  console.log("up");
  for (;;) {
    const peer = libc.accept(fd, null, null);
    for (let length = receive(peer); length > 0; length = receive(peer))
      send(peer, 8, 1, 26, 1, buffer[length - 1]!);
    libc.close(peer);
  }
}

switch (role) {
  case "first-notice":
    firstNotice();
    break;
  case "send-without-reading":
    await sendWithoutReading();
    break;
  case "call-and-hang":
    send(connected(), 8, 2, 16, 2, 24, 1);
    libc.pause();
    break;
  case "listen-and-hang":
    listening(5);
    console.log("up");
    libc.pause();
    break;
  case "full-queue":
    listening(0);
    connected();
    console.log("up");
    libc.pause();
    break;
  case "engine":
    engine();
    break;
  default:
    throw new Error(`no role ${role}`);
}
process.exit(0);
