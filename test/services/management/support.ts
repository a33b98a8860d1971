import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { DrpcModule } from "../../../src/drpc/methods.ts";
import type { EngineHarness, EngineInstance } from "../../../src/engine/types.ts";
import { Fault } from "../../../src/faults/fault.ts";
import { MgmtSvc } from "../../../src/gen/mgmt/mgmt_pb.ts";
import type { PoolCreateReqSchema, PoolPropertySchema } from "../../../src/gen/mgmt/pool_pb.ts";
import type { JoinReqSchema } from "../../../src/gen/mgmt/svc_pb.ts";
import type { Logger } from "../../../src/log/logger.ts";
import {
  createManagement,
  type Management,
  type ManagementDeps,
  type Peers,
} from "../../../src/services/management/index.ts";
import type { CallContext, MethodImpl, ServiceImpl } from "../../../src/services/method.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { nilRank } from "../../../src/system/ranks.ts";

type Answer = (body: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** An engine in this process: takes the bytes a real one would, answers as told. */
export interface FakeEngine extends EngineHarness {
  /** Calls so far, in order. */
  readonly calls: { readonly method: number; readonly body: Uint8Array }[];
  /** Answers a method from now on. */
  on<I extends DescMessage, O extends DescMessage>(
    method: number,
    input: I,
    output: O,
    answer: (request: MessageShape<I>) => MessageInitShape<O> | Promise<MessageInitShape<O>>,
  ): void;
  /** Answers a method with these bytes from now on, whatever they mean. */
  answerBytes(method: number, bytes: Uint8Array): void;
  /** Requests of one method so far, decoded. */
  requests<I extends DescMessage>(method: number, input: I): MessageShape<I>[];
  ready: boolean;
  /** The engine goes away under the next call of this method. */
  diesAt: number | undefined;
}

const notStarted = () =>
  new Fault("server", 611, "DAOS I/O Engine instance not started or not responding on dRPC");

export function fakeEngine(): FakeEngine {
  const answers = new Map<number, Answer>();
  const calls: { method: number; body: Uint8Array }[] = [];
  const instance: EngineInstance = {
    index: 0,
    state: () => (engine.ready ? "Ready" : "Stopped"),
    stateInfo: () => "",
    rank: () => 0,
    uuid: () => undefined,
    incarnation: () => 1n,
    isReady: () => engine.ready,
    isStarted: () => engine.ready,
    callDrpc: (method, body) => engine.callDrpc(method, body),
  };
  const engine: FakeEngine = {
    calls,
    ready: true,
    diesAt: undefined,
    get instances() {
      return [instance];
    },
    isStarted: () => true,
    async callDrpc(method, body) {
      if (!engine.ready) throw notStarted();
      calls.push({ method, body });
      if (engine.diesAt === method) {
        engine.ready = false;
        engine.diesAt = undefined;
        throw notStarted();
      }
      // No answer set: an empty one, status 0 and nothing else.
      return (await answers.get(method)?.(body)) ?? new Uint8Array();
    },
    on(method, input, output, answer) {
      answers.set(method, async (body) =>
        toBinary(output, create(output, await answer(fromBinary(input, body)))),
      );
    },
    answerBytes: (method, bytes) => void answers.set(method, () => bytes),
    requests: (method, input) =>
      calls.filter((call) => call.method === method).map(({ body }) => fromBinary(input, body)),
  };
  return engine;
}

/** Other servers: what they are asked, and answers by method name. */
export interface FakePeers extends Peers {
  readonly asked: { readonly name: string; readonly host: string; readonly request: unknown }[];
  on(name: string, answer: (host: string, request: never) => unknown): void;
}

export function fakePeers(): FakePeers {
  const answers = new Map<string, (host: string, request: never) => unknown>();
  const asked: { name: string; host: string; request: unknown }[] = [];
  const ask = async <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    host: string,
    init: MessageInitShape<I>,
  ): Promise<MessageShape<O>> => {
    const request = fromBinary(method.input, toBinary(method.input, create(method.input, init)));
    asked.push({ name: method.name, host, request });
    const answer = await answers.get(method.name)?.(host, request as never);
    return create(method.output, (answer ?? {}) as MessageInitShape<O>);
  };
  return {
    asked,
    on: (name, answer) => void answers.set(name, answer),
    hosts: (method, hosts, request) =>
      Promise.all(
        hosts.map((host) =>
          ask(method, host, request).then(
            (value) => ({ host, value }),
            (error: unknown) => ({ host, error }),
          ),
        ),
      ),
    leader: (method, replicas, request) => ask(method, replicas[0]!, request),
  };
}

type Methods = (typeof MgmtSvc)["method"];
type InputOf<K extends keyof Methods> = MessageInitShape<Methods[K]["input"]>;
type OutputOf<K extends keyof Methods> = MessageShape<Methods[K]["output"]>;

export interface TestSystem {
  readonly management: Management;
  readonly engine: FakeEngine;
  readonly peers: FakePeers;
  readonly log: string[];
  readonly dir: string;
  call<K extends keyof Methods>(name: K, request?: InputOf<K>, peerAddr?: string): Promise<OutputOf<K>>;
  /** Joins `count` engines, one a host at 10.0.0.<n>:10001; answers their ranks. */
  joinMany(count: number): Promise<number[]>;
  /** Closes the database and opens it again, as a restart of the server does. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export const selfAddr = "10.0.0.1:10001";

export async function testSystem(
  overrides: Partial<ManagementDeps> & { readonly started?: boolean } = {},
): Promise<TestSystem> {
  const dir = await mkdtemp(join(tmpdir(), "daosctl-management-"));
  const engine = fakeEngine();
  const peers = fakePeers();
  const log: string[] = [];
  const line = (level: string) => (message: string) => void log.push(`${level} ${message}`);
  const logger: Logger = {
    debug: line("DEBUG"),
    info: line("INFO"),
    notice: line("NOTICE"),
    error: line("ERROR"),
  };
  const deps: ManagementDeps = {
    systemName: "daos_server",
    version: "2.6.0",
    replicas: [selfAddr],
    selfAddr,
    hostname: "host1",
    harness: engine,
    log: logger,
    openStore: (folder) => openSqliteStore({ dir: folder, addr: selfAddr }),
    peers,
    clientNetHints: [{ provider: "ofi+tcp", crtTimeout: 30 }],
    engine: { targetCount: 1, hasNvme: true, hasMetaRole: false },
    now: () => new Date(),
    resolveHost: async (host) => (/^[\d.]+$/.test(host) ? [host] : []),
    ...overrides,
  };
  let management = createManagement(deps);
  const folder = join(dir, "control_raft");
  if (overrides.started !== false) await management.start({ dir: folder });

  const call = async <K extends keyof Methods>(
    name: K,
    request?: InputOf<K>,
    peerAddr = "10.0.0.1:40000",
  ): Promise<OutputOf<K>> => {
    const desc = MgmtSvc.method[name] as DescMethodUnary;
    const impl = (management.service as ServiceImpl<typeof MgmtSvc>)[name] as MethodImpl | undefined;
    if (impl === undefined) throw new Error(`${String(name)} is not implemented`);
    const context: CallContext = {
      method: `/mgmt.MgmtSvc/${desc.name}`,
      caller: "admin",
      peerAddr,
      signal: new AbortController().signal,
    };
    // Through bytes, as a real caller's request and our answer would go.
    const sent = fromBinary(desc.input, toBinary(desc.input, create(desc.input, (request ?? {}) as never)));
    const answer = create(desc.output, (await impl.handle(sent, context)) as never);
    return fromBinary(desc.output, toBinary(desc.output, answer)) as OutputOf<K>;
  };

  return {
    get management() {
      return management;
    },
    engine,
    peers,
    log,
    dir: folder,
    call,
    async joinMany(count) {
      const answers = await Promise.all(
        Array.from({ length: count }, (_, index) => call("join", joinRequest(index + 1))),
      );
      return answers.map(({ rank }) => rank);
    },
    async restart() {
      await management.stop();
      management = createManagement(deps);
      await management.start({ dir: folder });
    },
    async close() {
      await management.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** UUID of the nth engine or pool of a test. */
export function testUuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** The first join of the engine on host n. */
export function joinRequest(
  n: number,
  overrides: MessageInitShape<typeof JoinReqSchema> = {},
): MessageInitShape<typeof JoinReqSchema> {
  return {
    sys: "daos_server-2.6.0",
    uuid: testUuid(n),
    rank: nilRank,
    uri: `ofi+tcp://10.0.0.${n}:31416`,
    nctxs: 3,
    addr: `10.0.0.${n}:10001`,
    srvFaultDomain: `/host${n}`,
    idx: 0,
    incarnation: BigInt(1000 + n),
    ...overrides,
  };
}

/** A request for the nth pool: label "pool<n>", 1 GiB of SCM and 4 of NVMe a rank, on all ranks. */
export function createRequest(n: number): Plain<MessageInitShape<typeof PoolCreateReqSchema>> & {
  properties: MessageInitShape<typeof PoolPropertySchema>[];
} {
  return {
    uuid: testUuid(n),
    sys: "daos_server-2.6.0",
    properties: [{ number: 1, value: { case: "strval", value: `pool${n}` } }],
    tierbytes: [1n << 30n, 4n << 30n],
  };
}

/** A message's parts without what makes it a message. */
type Plain<T> = Omit<Exclude<T, { $typeName: string }>, "$typeName" | "$unknown">;

/** Calls a method of module SRV as an engine does. */
export async function callDrpc<I extends DescMessage, O extends DescMessage>(
  system: TestSystem,
  method: number,
  input: I,
  request: MessageInitShape<I>,
  output: O,
): Promise<MessageShape<O>> {
  const handler = system.management.drpc[DrpcModule.SRV]?.[method];
  if (handler === undefined) throw new Error(`method ${method} is not answered`);
  const session = {
    id: 1,
    peer: { pid: 1, uid: 0, gid: 0 },
    signal: new AbortController().signal,
  };
  return fromBinary(output, await handler(toBinary(input, create(input, request)), session));
}

/** Waits until `condition` holds. @throws Error when it does not within `timeoutMs`. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
