/** Servers of the control API with answers made by a test, on ports of their own. */

import type { ClientContext, DmgClient } from "../../src/client/context.ts";
import { closeConnections } from "../../src/client/transport.ts";
import { CtlSvc } from "../../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { ServiceImpl } from "../../src/services/method.ts";
import { type RpcServer, rpcService, serveRpc } from "../../src/services/serve.ts";

type Handlers<S extends typeof CtlSvc | typeof MgmtSvc> = {
  [K in keyof ServiceImpl<S>]?: NonNullable<ServiceImpl<S>[K]> extends { handle: infer H } ? H : never;
};

export interface FakeServer {
  readonly address: string;
  readonly close: () => Promise<void>;
}

function withRoles(handlers: object): object {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handle]) => [name, { roles: ["admin", "server", "agent"], handle }]),
  );
}

/** A server that answers what is given and nothing else. */
export async function fakeServer(
  handlers: { mgmt?: Handlers<typeof MgmtSvc>; ctl?: Handlers<typeof CtlSvc> },
  host = "127.0.0.1",
): Promise<FakeServer> {
  const server: RpcServer = await serveRpc({
    services: [
      rpcService(CtlSvc, withRoles(handlers.ctl ?? {}) as ServiceImpl<typeof CtlSvc>),
      rpcService(MgmtSvc, withRoles(handlers.mgmt ?? {}) as ServiceImpl<typeof MgmtSvc>),
    ],
    transport: { insecure: true },
    listen: [{ host, port: 0 }],
    systemName: "daos_server",
    log: silentLogger,
    component: "server",
  });
  return {
    address: `${host}:${server.port}`,
    close: async () => {
      closeConnections();
      await server.close(0);
    },
  };
}

export const clientContext: ClientContext = {
  security: { insecure: true },
  component: "admin",
  sys: "daos_server-2.6.0",
  timeoutMs: 10_000,
};

export function clientOf(...hosts: string[]): DmgClient {
  return { ...clientContext, hosts, systemName: "daos_server" };
}

/** An address where nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = await fakeServer({});
  await server.close();
  return server.address;
}
