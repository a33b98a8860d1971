import { stat } from "node:fs/promises";
import { errorText } from "../faults/fault.ts";
import type { Logger } from "../log/logger.ts";
import { loadCertificates } from "./load.ts";
import type { Component } from "./roles.ts";
import type { CertificateTransport, TransportFiles } from "./tls.ts";

/** Certificates that follow their files while the program runs. */
export interface LiveCertificates {
  /** Its text is always that of files which fitted together; new handshakes use the newest. */
  readonly transport: CertificateTransport;
  /**
   * Looks at the files now. Resolves to true when something new is in use.
   * @throws Fault 901 to 903 when the files cannot be used: what was in use stays so
   */
  refresh(): Promise<boolean>;
  stop(): void;
}

export interface LiveOptions {
  readonly files: TransportFiles;
  readonly role: Component;
  readonly log: Logger;
  /** Between looks at the files. */
  readonly everyMs?: number;
}

/** Renewed certificates are in use so long after they were put in place, at the latest. */
const defaultEveryMs = 10_000;

/**
 * Has `loaded` follow its files. They are looked at by their times and sizes, so that a file replaced over a network
 * file system or by a changed symbolic link is noticed too.
 */
export function followCertificates(loaded: CertificateTransport, options: LiveOptions): LiveCertificates {
  const { files, role, log } = options;
  const listeners = new Set<() => void>();
  let current = loaded;
  let seen: string | undefined;
  let problem = "";
  let running: Promise<boolean> | undefined;

  const transport: CertificateTransport = {
    insecure: false,
    caPath: loaded.caPath,
    certPath: loaded.certPath,
    keyPath: loaded.keyPath,
    clientCertDir: loaded.clientCertDir,
    get ca() {
      return current.ca;
    },
    get cert() {
      return current.cert;
    },
    get key() {
      return current.key;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };

  async function look(): Promise<boolean> {
    const before = await signature(files);
    const next = await loadCertificates(files, role);
    // Replaced while it was read: the next look takes it.
    seen = before === (await signature(files)) ? before : undefined;
    if (next.ca === current.ca && next.cert === current.cert && next.key === current.key) return false;
    current = next;
    for (const listener of listeners) listener();
    return true;
  }

  /** Quiet at the first look that fails: a pair is replaced one file after the other. */
  async function poll(): Promise<void> {
    try {
      if (seen !== undefined && seen === (await signature(files))) return;
      if (await live.refresh()) log.notice(`certificates were replaced: ${files.cert} is in use now`);
      problem = "";
    } catch (error) {
      const text = errorText(error);
      if (problem === text) return;
      if (problem === "") problem = "once";
      else {
        problem = text;
        log.error(`changed certificates cannot be used, those from before stay in use: ${text}`);
      }
    }
  }

  const timer = setInterval(() => void poll(), options.everyMs ?? defaultEveryMs);
  timer.unref();
  const live: LiveCertificates = {
    transport,
    refresh() {
      running ??= look().finally(() => {
        running = undefined;
      });
      return running;
    },
    stop: () => clearInterval(timer),
  };
  return live;
}

/** Changes when one of the files does, comes or goes. */
async function signature(files: TransportFiles): Promise<string> {
  const parts = await Promise.all(
    [files.caCert, files.cert, files.key].map(async (path) => {
      const info = await stat(path, { bigint: true }).catch(() => undefined);
      return info === undefined ? "absent" : `${info.ino}:${info.size}:${info.mtimeNs}:${info.ctimeNs}`;
    }),
  );
  return parts.join(" ");
}
