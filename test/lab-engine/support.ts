import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { callDrpc } from "../../src/drpc/client.ts";
import { DrpcModule, MgmtMethod, SecMethod, SrvMethod } from "../../src/drpc/methods.ts";
import { listenDrpc } from "../../src/drpc/server.ts";
import type { DrpcServer } from "../../src/drpc/types.ts";
import {
  DaosRespSchema,
  GroupUpdateReqSchema,
  GroupUpdateRespSchema,
  PrepShutdownReqSchema,
  SetRankReqSchema,
} from "../../src/gen/mgmt/svc_pb.ts";
import { ClusterEventReqSchema, type RASEvent } from "../../src/gen/shared/event_pb.ts";
import { GetPoolSvcRespSchema, type NotifyReadyReq, NotifyReadyReqSchema } from "../../src/gen/srv/srv_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";

const main = join(import.meta.dir, "../../src/main.ts");

/** Waits until `condition` answers something, at most `timeoutMs`. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 8000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await Bun.sleep(10);
  }
}

/** One emulated engine in a process of its own, and the server it talks to, played by the test. */
export interface EngineProcess {
  readonly rank: number;
  readonly ready: NotifyReadyReq;
  readonly events: RASEvent[];
  readonly process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly output: () => string;
  call<Req extends DescMessage, Resp extends DescMessage>(
    method: number,
    requestDesc: Req,
    request: MessageInitShape<Req>,
    responseDesc: Resp,
  ): Promise<MessageShape<Resp>>;
  callRaw(method: number, body: Uint8Array): Promise<Uint8Array>;
}

export interface TestSystem {
  readonly dir: string;
  engine(rank: number): EngineProcess;
  /** Starts (again), sets rank, sets up and tells the group. */
  start(rank: number, more?: StartOptions): Promise<EngineProcess>;
  kill(rank: number, signal?: NodeJS.Signals): Promise<number | null>;
  /** Takes a rank out of the group map and tells the others. */
  exclude(rank: number): Promise<void>;
  tellGroup(): Promise<void>;
  close(): Promise<void>;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Answers of the played server that a test may change. */
export interface Upcalls {
  poolReplicas: (uuid: string) => number[];
  calls: { module: number; method: number; body: Uint8Array }[];
  handlers: Record<number, (body: Uint8Array) => Uint8Array>;
}

export async function testSystem(
  options: { targets?: number; env?: Readonly<Record<string, string>>; upcalls?: Partial<Upcalls> } = {},
): Promise<TestSystem> {
  const dir = await mkdtemp(join(tmpdir(), "emulated-engine-"));
  const engines = new Map<number, EngineProcess>();
  const servers = new Map<number, DrpcServer>();
  const readies = new Map<number, (ready: NotifyReadyReq) => void>();
  const events = new Map<number, RASEvent[]>();
  const members = new Map<number, NotifyReadyReq>();
  let version = 0;

  const serve = async (rank: number): Promise<void> => {
    if (servers.has(rank)) return;
    const socketDir = join(dir, `s${rank}`);
    await Bun.$`mkdir -p ${socketDir} ${join(dir, `scm${rank}`)}`.quiet();
    const record = (module: number, method: number, body: Uint8Array) =>
      options.upcalls?.calls?.push({ module, method, body });
    const extra = Object.fromEntries(
      Object.entries(options.upcalls?.handlers ?? {}).map(([method, handler]) => [
        method,
        (body: Uint8Array) => {
          record(Number(method) >= 400 ? DrpcModule.SEC : DrpcModule.SRV, Number(method), body);
          return handler(body);
        },
      ]),
    );
    servers.set(
      rank,
      await listenDrpc({
        path: join(socketDir, "daos_server.sock"),
        mode: 0o600,
        log: silentLogger,
        modules: {
          [DrpcModule.SRV]: {
            [SrvMethod.NOTIFY_READY]: (body) => {
              record(DrpcModule.SRV, SrvMethod.NOTIFY_READY, body);
              readies.get(rank)?.(fromBinary(NotifyReadyReqSchema, body));
              return new Uint8Array();
            },
            [SrvMethod.CLUSTER_EVENT]: (body) => {
              const { event } = fromBinary(ClusterEventReqSchema, body);
              if (event !== undefined) events.get(rank)?.push(event);
              return new Uint8Array();
            },
            [SrvMethod.GET_POOL_SVC]: (body) =>
              toBinary(
                GetPoolSvcRespSchema,
                create(GetPoolSvcRespSchema, {
                  svcreps: options.upcalls?.poolReplicas?.(new TextDecoder().decode(body.subarray(2))) ?? [0],
                }),
              ),
            ...extra,
          },
          [DrpcModule.SEC]: {
            [SecMethod.VALIDATE_CREDS]: extra[SecMethod.VALIDATE_CREDS] ?? (() => new Uint8Array()),
          },
        },
      }),
    );
  };

  const groupRequest = () =>
    create(GroupUpdateReqSchema, {
      mapVersion: version,
      engines: [...members].map(([rank, { uri, incarnation }]) => ({ rank, uri, incarnation })),
    });

  const system: TestSystem = {
    dir,
    engine(rank) {
      const engine = engines.get(rank);
      if (engine === undefined) throw new Error(`no engine ${rank}`);
      return engine;
    },
    async start(rank, more = {}) {
      await serve(rank);
      const announced = Promise.withResolvers<NotifyReadyReq>();
      readies.set(rank, announced.resolve);
      const mine: RASEvent[] = [];
      events.set(rank, mine);
      let output = "";
      const child = Bun.spawn({
        cmd: [
          ...[process.execPath, main, "lab", "engine"],
          ...["-t", String(options.targets ?? 2), "-x", "0", "-g", "test", "-d", join(dir, `s${rank}`)],
          ...[
            "-T",
            "1",
            "-I",
            "0",
            "-r",
            "0",
            "-H",
            "0",
            "-s",
            join(dir, `scm${rank}`),
            ...(more.args ?? []),
          ],
        ],
        env: {
          D_INTERFACE: "lo",
          D_PROVIDER: "ofi+tcp",
          D_LOG_FILE: join(dir, `engine${rank}.log`),
          D_LOG_MASK: "DEBUG",
          DAOS_LAB_SCM_BYTES: String(4n << 30n),
          DAOS_LAB_PING_MS: "50",
          DAOS_LAB_SUSPECT_MS: "300",
          DAOS_LAB_REBUILD_MS: "300",
          DAOS_LAB_SERVICE_TIMEOUT_MS: "3000",
          ...options.env,
          ...more.env,
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "inherit",
      });
      void (async () => {
        for await (const chunk of child.stdout) output += new TextDecoder().decode(chunk);
      })();
      const early = child.exited.then((code) => {
        throw new Error(`engine ${rank} ended with ${code} before it was ready: ${output}`);
      });
      const ready = await Promise.race([announced.promise, early]);
      early.catch(() => undefined);
      const callRaw = (method: number, body: Uint8Array) =>
        callDrpc(ready.drpcListenerSock, DrpcModule.MGMT, method, body, { timeoutMs: 15_000 });
      const engine: EngineProcess = {
        rank,
        ready,
        events: mine,
        process: child,
        output: () => output,
        callRaw,
        async call(method, requestDesc, request, responseDesc) {
          const body = toBinary(requestDesc, create(requestDesc, request));
          return fromBinary(responseDesc, await callRaw(method, body));
        },
      };
      engines.set(rank, engine);
      members.set(rank, ready);
      version++;
      await engine.call(MgmtMethod.SET_RANK, SetRankReqSchema, { rank, mapVersion: version }, DaosRespSchema);
      await engine.callRaw(MgmtMethod.SET_UP, new Uint8Array());
      version++;
      await system.tellGroup();
      return engine;
    },
    async kill(rank, signal = "SIGKILL") {
      const { process: child } = system.engine(rank);
      child.kill(signal);
      return child.exited.then(() => child.exitCode);
    },
    async exclude(rank) {
      members.delete(rank);
      version++;
      await system.tellGroup();
    },
    async tellGroup() {
      // As the management service does: one engine is told, and it tells the others.
      for (const rank of members.keys()) {
        const engine = system.engine(rank);
        if (engine.process.exitCode !== null || engine.process.signalCode !== null) continue;
        await engine.call(
          MgmtMethod.GROUP_UPDATE,
          GroupUpdateReqSchema,
          groupRequest(),
          GroupUpdateRespSchema,
        );
        return;
      }
    },
    async close() {
      for (const { process: child } of engines.values()) child.kill("SIGKILL");
      await Promise.all([...engines.values()].map(({ process: child }) => child.exited));
      await Promise.all([...servers.values()].map((server) => server.close(0)));
      await rm(dir, { recursive: true, force: true });
    },
  };
  return system;
}

/** PrepShutdown, then SIGTERM: how a server stops an engine. */
export async function stopInOrder(engine: EngineProcess): Promise<number | null> {
  await engine.call(MgmtMethod.PREP_SHUTDOWN, PrepShutdownReqSchema, { rank: engine.rank }, DaosRespSchema);
  engine.process.kill("SIGTERM");
  await engine.process.exited;
  return engine.process.exitCode;
}
