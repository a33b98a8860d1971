import fs from "node:fs/promises";
import os from "node:os";
import { isSysError, SysError } from "../ffi/libc.ts";
import { closeFd, connectSeqpacketFd, peerCredentials } from "../ffi/socket.ts";
import type { Logger } from "../log/logger.ts";
import { socketFileInUse } from "./errors.ts";
import { createFairLimiter } from "./fair-limiter.ts";
import { createLimiter } from "./limiter.ts";
import { MAX_PACKET_BYTES } from "./limits.ts";
import { listenSeqpacket, type PacketSocket } from "./seqpacket.ts";
import { createSession, type ServerSession } from "./session.ts";
import { defaultMaxSessions } from "./session-limit.ts";
import type { DrpcModules, DrpcServer } from "./types.ts";

export interface DrpcServerOptions {
  /** Where to listen; at most 107 bytes. */
  readonly path: string;
  /** Permissions of the socket file: 0o600 for engines, 0o666 for the agent. */
  readonly mode: number;
  readonly modules: DrpcModules;
  readonly log: Logger;
  /** Calls that may run at once, over all connections; the others wait. */
  readonly maxRunningCalls?: number;
  /** Connections beyond this are closed as they come. By default what the limit of open files leaves room for. */
  readonly maxSessions?: number;
  /** Longest body of an answer; a longer one becomes FAILURE. */
  readonly maxAnswerBytes?: number;
  /**
   * The peers are many users' processes, who must not hold each other up: they are given turns, and no user but root
   * and our own may hold more than three quarters of all connections.
   */
  readonly fair?: boolean;
}

/** Room in a packet for the fields of drpc.Response beside its body. */
const RESPONSE_OVERHEAD_BYTES = 32;

/**
 * Serves `modules` on a SOCK_SEQPACKET socket until it is closed.
 * @throws Fault 6 when another process answers on `path`; SysError when the socket cannot be made there.
 */
export async function listenDrpc(options: DrpcServerOptions): Promise<DrpcServer> {
  const { path, mode, modules, log, maxRunningCalls = 1024 } = options;
  const maxSessions = options.maxSessions ?? (await defaultMaxSessions());
  const maxAnswerBytes = options.maxAnswerBytes ?? MAX_PACKET_BYTES - RESPONSE_OVERHEAD_BYTES;
  const limiter = createLimiter(maxRunningCalls);
  const fair = options.fair === true ? createFairLimiter(maxRunningCalls) : undefined;
  const maxOfUser = Math.max(1, Math.floor(maxSessions * 0.75));
  const sessionsOfUser = new Map<number, number>();
  const ownUid = os.userInfo().uid;
  const sessions = new Map<PacketSocket, ServerSession>();
  let lastId = 0;
  let full = false;

  await clearStaleSocket(path);
  const listener = await listenSeqpacket(path, mode, (socket) => {
    if (sessions.size >= maxSessions) {
      // Said once until there is room again: peers may come by the thousand.
      if (!full) log.error(`dRPC ${path}: connection refused, ${sessions.size} are open`);
      full = true;
      return undefined;
    }
    const peer = peerCredentials(socket.fd);
    const { uid, pid } = peer;
    const ofUser = sessionsOfUser.get(uid) ?? 0;
    if (fair !== undefined && ofUser >= maxOfUser && uid !== 0 && uid !== ownUid) {
      if (!full) log.error(`dRPC ${path}: connection refused, user ${uid} has ${ofUser} open`);
      full = true;
      return undefined;
    }
    const session = createSession({
      id: ++lastId,
      socket,
      peer,
      modules,
      log,
      limiter: fair?.of(uid, pid) ?? limiter,
      maxAnswerBytes,
      onClose() {
        sessions.delete(socket);
        const left = (sessionsOfUser.get(uid) ?? 1) - 1;
        if (left > 0) sessionsOfUser.set(uid, left);
        else sessionsOfUser.delete(uid);
        full = false;
      },
    });
    sessions.set(socket, session);
    sessionsOfUser.set(uid, ofUser + 1);
    return session;
  });

  const anyBusy = () => [...sessions.values()].some((session) => session.busy);

  /** Resolves when no session has a call left, or after `graceMs`. */
  async function settle(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    while (anyBusy() && performance.now() < deadline) await Bun.sleep(SETTLE_POLL_MS);
  }

  return {
    path,
    get sessions() {
      return sessions.size;
    },
    async close(graceMs = 1000) {
      await listener.close();
      for (const session of sessions.values()) session.stopReading();
      await settle(graceMs);
      for (const socket of [...sessions.keys()]) socket.terminate();
    },
  };
}

/** Only while closing, and only if calls run. */
const SETTLE_POLL_MS = 5;

/** Removes the socket of a server that is gone; what is in use, or is no socket, stays. */
async function clearStaleSocket(path: string): Promise<void> {
  try {
    closeFd(connectSeqpacketFd(path));
    throw socketFileInUse(path);
  } catch (error) {
    if (isSysError(error, "ENOENT")) return;
    // A full queue has an owner; so has a socket of another type.
    if (isSysError(error, "EAGAIN", "EPROTOTYPE")) throw socketFileInUse(path);
    if (!isSysError(error, "ECONNREFUSED")) throw error;
  }
  // Connecting to any file is refused like connecting to a dead socket.
  if (!(await fs.lstat(path)).isSocket()) throw new SysError("listen", os.constants.errno.ENOTSOCK, path);
  await fs.rm(path, { force: true });
}
