import { afterEach, describe, expect, test } from "bun:test";
import path from "node:path";
import { notifyServiceManager } from "../../src/drpc/systemd.ts";
import { bindLibc } from "../../src/ffi/libc.ts";
import { tempFolder } from "../support/temp.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
});

/** The service manager's datagram socket, at an address as struct sockaddr_un has it after the family. */
function listen(address: Buffer): number {
  const fd = libc.socket(1, 2, 0);
  const full = Buffer.concat([Buffer.from([1, 0]), address]);
  if (libc.bind(fd, full, full.length) !== 0) throw new Error("bind failed");
  return fd;
}

/** What came, without waiting; "" for nothing. */
function receive(fd: number): string {
  const buffer = Buffer.alloc(100);
  const length = libc.recv(fd, buffer, buffer.length, 0x40);
  return buffer.toString("utf8", 0, Math.max(0, length));
}

const before = process.env["NOTIFY_SOCKET"];
afterEach(() => {
  if (before === undefined) delete process.env["NOTIFY_SOCKET"];
  else process.env["NOTIFY_SOCKET"] = before;
});

describe("the service manager", () => {
  test("is told on a socket with a path", async () => {
    await using temp = await tempFolder();
    const socket = path.join(temp.path, "notify");
    const fd = listen(Buffer.from(`${socket}\0`));
    process.env["NOTIFY_SOCKET"] = socket;
    notifyServiceManager("READY=1");
    expect(receive(fd)).toBe("READY=1");
    notifyServiceManager("STOPPING=1");
    expect(receive(fd)).toBe("STOPPING=1");
    libc.close(fd);
  });

  test("is told on a socket in the abstract namespace", () => {
    const name = `daosctl-test-${process.pid}`;
    const fd = listen(Buffer.from(`\0${name}`));
    process.env["NOTIFY_SOCKET"] = `@${name}`;
    notifyServiceManager("READY=1");
    expect(receive(fd)).toBe("READY=1");
    libc.close(fd);
  });

  test("is not there: nothing happens", () => {
    delete process.env["NOTIFY_SOCKET"];
    notifyServiceManager("READY=1");
    process.env["NOTIFY_SOCKET"] = "/no/such/socket";
    expect(() => notifyServiceManager("READY=1")).toThrow("ENOENT");
  });
});
