import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { FaultCode } from "../../faults/codes.ts";
import { errorText, Fault } from "../../faults/fault.ts";

/** Sockets that engines of an earlier server left behind. To be called when we own the folder. */
export async function removeStaleSockets(socketDir: string): Promise<void> {
  const names = (await readdir(socketDir)).filter((name) => /^daos_engine.*\.sock$/.test(name));
  await Promise.all(names.map((name) => rm(join(socketDir, name), { force: true })));
}

/** Says which port is taken, and what to do about it. */
export function listenFault(
  listen: readonly { readonly host: string; readonly port: number }[],
  error: unknown,
): unknown {
  const where = listen.map(({ host, port }) => `${host}:${port}`).join(", ");
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new Fault(
        "server",
        FaultCode.ServerUnknown,
        `unable to listen on management interface: ${where} is in use`,
        "stop the other server, or set another 'port' in the server config file",
        errorText(error),
      );
    case "EACCES":
    case "EADDRNOTAVAIL":
      return new Fault(
        "server",
        FaultCode.ServerUnknown,
        `unable to listen on management interface: ${where} cannot be used`,
        "set 'port' to one above 1023, and listen on addresses of this host only",
        errorText(error),
      );
    default:
      return error;
  }
}
