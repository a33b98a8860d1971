import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cString, isSysError, SysError } from "../../src/ffi/libc.ts";
import { mount, unmount } from "../../src/ffi/mount.ts";
import { parentPid } from "../../src/ffi/process.ts";
import {
  bindSeqpacketFd,
  closeFd,
  connectSeqpacketFd,
  growSendBuffer,
  listenFd,
  maxSendBytes,
  peerCredentials,
  peerSecurityLabel,
  sendPacket,
} from "../../src/ffi/socket.ts";
import { tempFolder } from "../support/temp.ts";

describe("errors of the C library", () => {
  test("have their name, number and subject", () => {
    const error = new SysError("connect", 2, "/x");
    expect([error.code, error.errno, error.message]).toEqual(["ENOENT", 2, "connect /x: ENOENT"]);
    expect(new SysError("send", 11).code).toBe("EAGAIN");
    expect(new SysError("send", 12345).code).toBe("12345");
    expect(isSysError(error, "EPERM", "ENOENT")).toBe(true);
    expect(isSysError(error, "EPERM")).toBe(false);
    expect(isSysError(new Error("x"))).toBe(false);
  });

  test("are those of the call that failed, a thousand times over", () => {
    for (let n = 0; n < 1000; n++) {
      expect(() => connectSeqpacketFd("/no/such/socket")).toThrow("ENOENT");
      expect(() => closeFd(-1)).toThrow("EBADF");
    }
  });

  test("a string with a NUL in it never reaches C", () => {
    expect(() => cString("a\0b")).toThrow("EINVAL");
    expect([...cString("ab")]).toEqual([97, 98, 0]);
  });
});

describe("sockets", () => {
  test("know their peer, and how long a packet may be", async () => {
    await using temp = await tempFolder();
    const path = join(temp.path, "s");
    const listener = bindSeqpacketFd(path);
    listenFd(listener, 1);
    const fd = connectSeqpacketFd(path);
    expect(peerCredentials(fd)).toEqual({ pid: process.pid, uid: process.getuid!(), gid: process.getgid!() });
    expect(typeof peerSecurityLabel(fd)).toBe("string");
    const before = maxSendBytes(fd);
    expect(growSendBuffer(fd, 300_000)).toBeGreaterThanOrEqual(before);
    sendPacket(fd, new Uint8Array(0));
    sendPacket(fd, new Uint8Array(1000));
    expect(() => sendPacket(fd, new Uint8Array(4_000_000))).toThrow("EMSGSIZE");
    closeFd(listener);
    expect(() => sendPacket(fd, new Uint8Array(1))).toThrow(/EPIPE|ECONNRESET/);
    closeFd(fd);
  });

  test("say EAGAIN when the peer does not read", async () => {
    await using temp = await tempFolder();
    const path = join(temp.path, "s");
    const listener = bindSeqpacketFd(path);
    listenFd(listener, 1);
    const fd = connectSeqpacketFd(path);
    expect(() => {
      for (let n = 0; n < 10_000; n++) sendPacket(fd, new Uint8Array(50_000));
    }).toThrow("EAGAIN");
    closeFd(fd);
    closeFd(listener);
  });
});

describe("processes and mounts", () => {
  test("the parent is known", () => expect(parentPid()).toBe(process.ppid));

  test("a mount that cannot be says why", () => {
    expect(() => mount("tmpfs", "/no/such/folder", "tmpfs", 0, "")).toThrow(/ENOENT|EPERM/);
    expect(() => unmount("/no/such/folder", false)).toThrow(/ENOENT|EPERM/);
  });
});
