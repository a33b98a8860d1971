import { afterEach } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Logger } from "../../src/log/logger.ts";
import { waitFor } from "../support/wait.ts";

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = [];

/** Every test file says this once: hooks belong to the file that registers them. */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    for (const undo of cleanups.splice(0).reverse()) await undo();
  });
}

export function cleanUp(undo: () => unknown): void {
  cleanups.push(undo);
}

/** A folder that goes away after the test. */
export function tempFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "drpc-"));
  cleanUp(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function tempSocket(name = "t.sock"): string {
  return path.join(tempFolder(), name);
}

/** A logger that keeps its lines. */
export function keepLog(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string) => void lines.push(message);
  return { lines, debug: keep, info: keep, notice: keep, error: keep };
}

/** Sockets this process has open. */
export function openSockets(): number {
  return fs.readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** Waits until `holds` does. */
export const until = (holds: () => boolean | Promise<boolean>) => waitFor(holds.toString(), holds, 5000);

/** Starts c-peer.ts in a role; killed after the test. */
export function startPeer(role: string, socketPath: string) {
  const script = path.join(import.meta.dir, "c-peer.ts");
  const child = Bun.spawn([process.execPath, script, role, socketPath], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  cleanUp(() => child.kill("SIGKILL"));
  return {
    child,
    /** The next piece of what it says; "" at the end. */
    async said(): Promise<string> {
      return new TextDecoder().decode((await reader.read()).value);
    },
    async kill(): Promise<void> {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
