import { X509Certificate } from "node:crypto";
import { errorText } from "../faults/fault.ts";
import type { Logger } from "../log/logger.ts";
import type { LiveCertificates } from "../security/live.ts";
import type { Component } from "../security/roles.ts";
import type { CertificateTransport, TransportFiles, TransportSecurity } from "../security/tls.ts";

/** The certificates of a daemon while it runs. */
export interface DaemonCertificates {
  /** To be given to everything that connects or listens. */
  readonly transport: TransportSecurity;
  stop(): void;
}

const dayMs = 86_400_000;

/**
 * Has a daemon's certificates follow their files, at once on SIGHUP, and warns in the log from 30 days before one
 * ends: at start, whenever they change, and once a day. Without certificates SIGHUP is taken and does nothing.
 */
export async function keepCertificates(
  loaded: TransportSecurity,
  files: TransportFiles,
  role: Component,
  log: Logger,
  everyMs?: number,
): Promise<DaemonCertificates> {
  let live: LiveCertificates | undefined;
  let warning: (() => void) | undefined;
  if (!loaded.insecure) {
    const [{ followCertificates }, { expiryWarning }] = await Promise.all([
      import("../security/live.ts"),
      import("../security/facts.ts"),
    ]);
    const following = followCertificates(loaded, {
      files,
      role,
      log,
      ...(everyMs === undefined ? {} : { everyMs }),
    });
    live = following;
    warning = () => {
      for (const { what, cert } of endings(following.transport)) {
        const text = expiryWarning(what, new Date(cert.validTo));
        if (text !== undefined) log.notice(text);
      }
    };
    following.transport.onChange?.(warning);
    warning();
  }
  const daily = setInterval(() => warning?.(), dayMs);
  daily.unref();
  const onHangUp = () => {
    log.info("Caught signal: SIGHUP; reading certificates again");
    live?.refresh().then(
      (changed) => log.notice(changed ? "certificates were replaced" : "certificates are unchanged"),
      (error: unknown) => log.error(`certificates from before stay in use: ${errorText(error)}`),
    );
  };
  process.on("SIGHUP", onHangUp);
  return {
    transport: live?.transport ?? loaded,
    stop() {
      live?.stop();
      clearInterval(daily);
      process.off("SIGHUP", onHangUp);
    },
  };
}

/** What ends: the daemon's own certificate, and every CA it trusts. */
function endings(transport: CertificateTransport): { what: string; cert: X509Certificate }[] {
  const cas = transport.ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return [
    { what: `certificate ${transport.certPath}`, cert: new X509Certificate(transport.cert) },
    ...cas.map((pem) => ({ what: `CA certificate ${transport.caPath}`, cert: new X509Certificate(pem) })),
  ];
}
