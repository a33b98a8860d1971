import { sendDatagram } from "../ffi/socket.ts";

/** Another socket that Bun does not make: systemd's, for units of Type=notify (sd_notify(3)). */
export type ServiceState = "READY=1" | "STOPPING=1";

/**
 * Tells the service manager; nothing happens when none started us.
 * @throws SysError when its socket cannot be written to
 */
export function notifyServiceManager(state: ServiceState): void {
  const path = process.env["NOTIFY_SOCKET"];
  if (path === undefined || path === "") return;
  sendDatagram(path, state);
}
