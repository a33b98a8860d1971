import { DrpcModule, drpcMethodName } from "../../drpc/methods.ts";
import type { DrpcHandler, DrpcModules } from "../../drpc/types.ts";
import type { InstanceOptions, ManagedInstance } from "../../engine/instance.ts";
import type { Logger } from "../../log/logger.ts";
import type { RpcServer, ServeOptions } from "../../services/serve.ts";
import type { Store } from "../../store/store.ts";
import { type Endpoint, serveTelemetry } from "../../telemetry/endpoint.ts";
import { createEngineMetrics } from "../../telemetry/engines.ts";
import { observed } from "../../telemetry/recorder.ts";
import { DAOS_VERSION } from "../../version.ts";

export interface TelemetryOptions {
  /** undefined: nothing is measured and nothing is listened on. */
  readonly port: number | undefined;
  readonly hosts: readonly string[];
  readonly log: Logger;
  instances(): readonly ManagedInstance[];
}

/** What a server puts around its parts to see what they do. */
export interface ServerTelemetry {
  readonly rpc: ServeOptions["observe"];
  readonly engineCalls: InstanceOptions["observe"];
  store(store: Store): Store;
  modules(modules: DrpcModules): DrpcModules;
  join<Request, Answer>(
    join: (request: Request, signal: AbortSignal) => Promise<Answer>,
  ): (request: Request, signal: AbortSignal) => Promise<Answer>;
  /** Begins to listen. */
  start(rpc: RpcServer): Promise<void>;
  stop(): Promise<void>;
}

const NOTHING: ServerTelemetry = {
  rpc: undefined,
  engineCalls: undefined,
  store: (store) => store,
  modules: (modules) => modules,
  join: (join) => join,
  start: async () => undefined,
  stop: async () => undefined,
};

/** The metrics of a server and of its engines, when they are asked for (telemetry_port). */
export async function createServerTelemetry(options: TelemetryOptions): Promise<ServerTelemetry> {
  const { port, log } = options;
  if (port === undefined) return NOTHING;
  // Not loaded by a server that does not count.
  const { createServerMetrics } = await import("../../telemetry/metrics.ts");
  let rpc: RpcServer | undefined;
  const metrics = createServerMetrics({
    version: DAOS_VERSION,
    engines: () =>
      options.instances().map((one) => ({ instance: one.index, rank: one.rank(), state: one.state() })),
    connections: () => rpc?.stats.connections ?? 0,
    refusedHandshakes: () => rpc?.stats.refusedHandshakes ?? 0,
  });
  const engineMetrics = createEngineMetrics(() => options.instances().flatMap(measured), log);
  const { recorder } = metrics;
  let endpoint: Endpoint | undefined;

  return {
    rpc: recorder.rpc,
    engineCalls: (method, succeeded, seconds) =>
      recorder.drpc("out", drpcMethodName(DrpcModule.MGMT, method), succeeded ? "ok" : "failed", seconds),
    store(store) {
      let leads = store.leadership().leader;
      if (leads) recorder.leadership(true);
      const unfollow = store.onLeadership(({ leader }) => {
        if (leader !== leads) recorder.leadership(leader);
        leads = leader;
      });
      return {
        ...store,
        commit: (ops) => observed(recorder.commit, () => store.commit(ops)),
        close() {
          unfollow();
          if (leads) recorder.leadership(false);
          return store.close();
        },
      };
    },
    modules: (modules) =>
      Object.fromEntries(
        Object.entries(modules).map(([module, methods]) => [
          module,
          Object.fromEntries(
            Object.entries(methods).map(([method, handler]): [string, DrpcHandler] => {
              const name = drpcMethodName(Number(module), Number(method));
              return [
                method,
                (body, session) =>
                  observed(
                    (outcome, seconds) => recorder.drpc("in", name, outcome, seconds),
                    () => handler(body, session),
                  ),
              ];
            }),
          ),
        ]),
      ),
    join: (join) => (request, signal) => observed(recorder.join, () => join(request, signal)),
    async start(server) {
      rpc = server;
      endpoint = serveTelemetry({
        hosts: options.hosts,
        port,
        log,
        async text() {
          const [own, engines] = await Promise.all([metrics.text(), engineMetrics.read()]);
          return own + engines;
        },
      });
    },
    async stop() {
      metrics.stop();
      engineMetrics.stop();
      await endpoint?.stop();
    },
  };
}

/** What an engine measures is told under its rank; one without a rank or a process has nothing to tell. */
function measured(instance: ManagedInstance) {
  const rank = instance.rank();
  const pid = instance.pid();
  return rank === undefined || pid === undefined ? [] : [{ index: instance.index, rank, pid }];
}
