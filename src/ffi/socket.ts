import os from "node:os";
import { bindLibc, cString, SysError, sysError } from "./libc.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" }, // ssize_t, but a packet is far shorter than 2 GiB
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
});

// <bits/socket.h>, <asm-generic/socket.h>: the same on x86-64 and arm64.
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_PEERCRED = 17;
const SO_PEERSEC = 31;
const SO_SNDBUFFORCE = 32;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** sun_path holds 108 bytes, the last of which ends the string. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** A packet is refused with EMSGSIZE when it is longer than the send buffer less this overhead. */
const SEND_OVERHEAD_BYTES = 32;

/** Passed for empty packets, where the pointer is not read. */
const noBytes = new Uint8Array(1);

/** Who made the connection, as the kernel recorded it. pid 0: it lives in another pid namespace. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** struct sockaddr_un for a path in the file system. */
function unixAddress(path: string): Buffer {
  const name = cString(path);
  if (name.length > MAX_SOCKET_PATH_BYTES + 1)
    throw new SysError("socket path", os.constants.errno.ENAMETOOLONG, path);
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  return address;
}

/** A new non-blocking, close-on-exec SOCK_SEQPACKET socket. */
function seqpacketSocket(): number {
  const fd = libc.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw sysError("socket");
  return fd;
}

/** Runs `step` on a new socket and closes the socket when it fails. */
function withSocket(step: (fd: number) => void): number {
  const fd = seqpacketSocket();
  try {
    step(fd);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * A descriptor connected to the socket at `path`.
 * @throws SysError ENOENT, ECONNREFUSED (nobody listens), EPROTOTYPE (a stream socket), EACCES, and EAGAIN
 * when the listener's queue is full: a Unix socket never answers EINPROGRESS, the caller tries again.
 */
export function connectSeqpacketFd(path: string): number {
  const address = unixAddress(path);
  return withSocket((fd) => {
    if (libc.connect(fd, address, address.length) !== 0) throw sysError("connect", path);
  });
}

/** A descriptor bound to `path`, which must not exist yet. Nobody can connect before `listenFd`. */
export function bindSeqpacketFd(path: string): number {
  const address = unixAddress(path);
  return withSocket((fd) => {
    if (libc.bind(fd, address, address.length) !== 0) throw sysError("bind", path);
  });
}

export function listenFd(fd: number, backlog: number): void {
  if (libc.listen(fd, backlog) !== 0) throw sysError("listen");
}

/** SO_PEERCRED of a connected Unix socket. */
export function peerCredentials(fd: number): PeerCredentials {
  const ucred = new Int32Array(3);
  const length = new Uint32Array([ucred.byteLength]);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length) !== 0)
    throw sysError("getsockopt SO_PEERCRED");
  const [pid = 0, uid = 0, gid = 0] = ucred;
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}

/** Longest security label read; SELinux labels have some tens of bytes. */
const MAX_LABEL_BYTES = 1024;

/** The peer's security label (SELinux, AppArmor), or "" where the system has none. */
export function peerSecurityLabel(fd: number): string {
  const label = Buffer.alloc(MAX_LABEL_BYTES);
  const length = new Uint32Array([label.byteLength]);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label, length) !== 0) return "";
  return label.toString("utf8", 0, length[0]).replace(/\0.*$/s, "");
}

/** The longest packet the socket takes now, in bytes. */
export function maxSendBytes(fd: number): number {
  const value = new Int32Array(1);
  const length = new Uint32Array([value.byteLength]);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, length) !== 0) throw sysError("getsockopt SO_SNDBUF");
  return value[0]! - SEND_OVERHEAD_BYTES;
}

/**
 * Makes room for packets of `bytes` and returns the longest packet the socket takes afterwards, which is
 * less than asked when the process may not go beyond net.core.wmem_max.
 */
export function growSendBuffer(fd: number, bytes: number): number {
  const value = new Int32Array([bytes + SEND_OVERHEAD_BYTES]);
  if (libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, value, value.byteLength) !== 0) {
    if (libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, value.byteLength) !== 0)
      throw sysError("setsockopt SO_SNDBUF");
  }
  return maxSendBytes(fd);
}

/**
 * Sends one packet, which may be empty, without blocking.
 * @throws SysError EAGAIN when the peer's queue is full, EPIPE or ECONNRESET when the peer is gone, EMSGSIZE.
 */
export function sendPacket(fd: number, packet: Uint8Array): void {
  const sent = libc.send(
    fd,
    packet.length === 0 ? noBytes : packet,
    packet.length,
    MSG_DONTWAIT | MSG_NOSIGNAL,
  );
  if (sent < 0) throw sysError("send");
}

/** Sends one datagram to a Unix socket; a name that begins with "@" is in the abstract namespace (unix(7)). */
export function sendDatagram(path: string, text: string): void {
  const address = unixAddress(path);
  // An abstract name begins with a NUL and ends where the address does, without one.
  const length = path.startsWith("@") ? address.length - 1 : address.length;
  if (path.startsWith("@")) address[2] = 0;
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw sysError("socket");
  const bytes = Buffer.from(text);
  const sent = libc.sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, length);
  const failure = sent < 0 ? sysError("sendto", path) : undefined;
  closeFd(fd);
  if (failure !== undefined) throw failure;
}

export function closeFd(fd: number): void {
  if (libc.close(fd) !== 0) throw sysError("close");
}
