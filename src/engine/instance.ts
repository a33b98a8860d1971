import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { EngineConfig } from "../config/types.ts";
import { createDrpcClient, type DrpcClient, DrpcConnectionError, NotDeliveredError } from "../drpc/client.ts";
import { DrpcModule, MgmtMethod } from "../drpc/methods.ts";
import { errorText } from "../faults/fault.ts";
import { DaosRespSchema, SetRankReqSchema } from "../gen/mgmt/svc_pb.ts";
import type { NotifyReadyReq } from "../gen/srv/srv_pb.ts";
import type { Logger } from "../log/logger.ts";
import type { EngineStorage } from "../storage/engine-storage.ts";
import { faultDataPlaneLost, faultDataPlaneNotStarted } from "./faults.ts";
import { engineArgs, engineEnv, type LaunchSettings } from "./launch.ts";
import {
  type FormatKind,
  type InstanceEffect,
  type InstanceEvent,
  type InstanceState,
  initialState,
  isRunning,
  memberState,
  reduce,
} from "./machine.ts";
import { type EngineProcess, findEngine, spawnEngine } from "./process.ts";
import { engineDiedEvent, formatRequiredEvent, type RasEvent } from "./ras.ts";
import {
  newSuperblock,
  readSuperblock,
  removeSuperblock,
  type Superblock,
  writeSuperblock,
} from "./superblock.ts";
import type { EngineInstance } from "./types.ts";

/** How long an engine may take for SetRank and SetUp: SetUp opens every pool shard it holds. */
const SET_UP_TIMEOUT_MS = 10 * 60_000;

/** How long the exit of an engine may lag behind the end of its connection. */
const EXIT_NOTICE_MS = 500;
/** Reasons of a DrpcConnectionError that lie on this side. */
const OWN_LIMITS: readonly string[] = ["EMSGSIZE", "EBUSY"];

/** What an engine asks of the management service once it is up. */
export interface JoinRequest {
  readonly instance: number;
  readonly uuid: string;
  /** undefined: any rank will do. */
  readonly rank: number | undefined;
  readonly ready: NotifyReadyReq;
  readonly hostFaultDomain: string;
}

export interface JoinAnswer {
  readonly rank: number;
  readonly state: "in" | "out" | "check";
  readonly mapVersion: number;
}

export interface InstanceOptions {
  readonly config: EngineConfig;
  readonly storage: EngineStorage;
  readonly systemName: string;
  readonly hostname: string;
  readonly hostFaultDomain: string;
  readonly log: Logger;
  /** Facts known only at launch (hugepages that are really there). */
  launchSettings(checker: boolean): Promise<LaunchSettings>;
  /** Keeps trying until the management service answers, or `signal` is aborted. */
  join(request: JoinRequest, signal: AbortSignal): Promise<JoinAnswer>;
  /** A RAS event of this instance. */
  publish(event: RasEvent): void;
  /** Storage is there and formatted: called before every launch, which waits for it. */
  onStorageReady(instance: ManagedInstance): Promise<void>;
  /** Is told of every dRPC call to the engine when it ends. */
  readonly observe?: ((method: number, succeeded: boolean, seconds: number) => void) | undefined;
  /** The rank that the first join asks for when the superblock has none (0 on the bootstrap replica). */
  readonly firstRank: number | undefined;
}

/** One engine of this server, with what the rest of the control plane may do to it. */
export interface ManagedInstance extends EngineInstance {
  readonly config: EngineConfig;
  readonly storage: EngineStorage;
  isAwaitingFormat(): boolean;
  pid(): number | undefined;
  lastError(): string;
  /** Starts it unless it runs; asks for a restart when it is being stopped. */
  start(checker?: boolean): void;
  /** Sends a signal; the exit is expected. With `restart` it is started again after that. */
  stop(signal: NodeJS.Signals, restart?: boolean): void;
  /** The engine said NotifyReady. */
  notifyReady(request: NotifyReadyReq): void;
  /** Storage has been formatted: go on. */
  storageReady(): void;
  /** Writes a superblock where there is none yet; the last step of a format. */
  ensureSuperblock(): Promise<void>;
  /** The system is erased: the next format makes the storage anew, told to or not. */
  removeSuperblock(): Promise<void>;
  /** Resolves when `condition` holds, which is looked at after every change. Rejects when aborted. */
  waitFor(condition: (instance: ManagedInstance) => boolean, signal?: AbortSignal): Promise<void>;
  /** PrepShutdown, SIGINT, SIGKILL at the deadline; nothing is started afterwards. */
  shutdown(graceMs: number): Promise<void>;
  onChange(listener: () => void): () => void;
}

export function createInstance(options: InstanceOptions): ManagedInstance {
  const { config, storage, log } = options;
  const index = config.index;
  const name = `instance ${index}`;
  let state: InstanceState = initialState;
  let superblock: Superblock | undefined;
  let process_: EngineProcess | undefined;
  let client: DrpcClient | undefined;
  let socketPath = "";
  let ready: NotifyReadyReq | undefined;
  let joinAnswer: JoinAnswer | undefined;
  /** Aborted at the end of a life. */
  let life = new AbortController();
  let closing = false;
  const listeners = new Set<() => void>();

  function dispatch(event: InstanceEvent): void {
    if (closing && (event.kind === "start" || event.kind === "storageReady")) return;
    const step = reduce(state, event);
    // An end may be followed by a new life in the same step: what belongs to the old one ends first.
    if (step.effects.some((effect) => effect.kind === "reportExit")) life.abort(new Error(`${name} exited`));
    if (step.state.life !== state.life) life = new AbortController();
    state = step.state;
    for (const effect of step.effects) perform(effect);
    for (const listener of [...listeners]) listener();
  }

  /** Runs an effect's work and feeds its outcome back, into the life it belongs to. */
  function work(
    run: (of: number) => Promise<InstanceEvent>,
    failed: (error: string, of: number) => InstanceEvent,
  ): void {
    const of = state.life;
    run(of).then(dispatch, (error: unknown) => dispatch(failed(errorText(error), of)));
  }

  function perform(effect: InstanceEffect): void {
    switch (effect.kind) {
      case "check":
        work(
          async (of) => ({ kind: "checked", life: of, needs: await checkStorage() }),
          (error, of) => ({ kind: "checkFailed", life: of, error }),
        );
        return;
      case "announceFormat":
        log.info(`${effect.needs} format required on ${name}`);
        options.publish(
          formatRequiredEvent({
            hostname: options.hostname,
            instance: index,
            kind: effect.needs,
            now: new Date(),
          }),
        );
        return;
      case "announceStorageReady":
        log.info(`DAOS I/O Engine ${name} storage ready`);
        return;
      case "launch":
        work(launch, (error, of) => ({ kind: "launchFailed", life: of, error }));
        return;
      case "join":
        work(join, (error, of) => {
          log.error(`join failed: ${error}`);
          return { kind: "joinFailed", life: of, error };
        });
        return;
      case "setUp":
        work(setUp, (error, of) => ({ kind: "setUpFailed", life: of, error }));
        return;
      case "announceReady":
        log.debug(`${name} is ready as rank ${superblock?.rank}`);
        return;
      case "signal":
        process_?.signal(effect.signal);
        return;
      case "reportExit":
        reportExit(effect.pid, effect.status, effect.publish);
        return;
    }
  }

  async function checkStorage(): Promise<FormatKind | undefined> {
    log.info(`Checking DAOS I/O Engine ${name} storage ...`);
    let missing: "SCM" | undefined;
    try {
      missing = await storage.missingBeforeSuperblock();
    } catch (error) {
      log.error(`${name}: failed to check storage formatting: ${errorText(error)}`);
      missing = "SCM";
    }
    if (missing !== undefined) return missing;
    try {
      // What is on a device shows only once that is mounted.
      if (!storage.metadataOnSsd && !(await storage.scm.needsFormat())) await storage.scm.mount();
      superblock = await readSuperblock(storage.superblockPath);
    } catch (error) {
      log.error(`${name}: failed to check instance superblock: ${errorText(error)}`);
      superblock = undefined;
    }
    if (superblock === undefined) return "Metadata";
    if (storage.metadataOnSsd) {
      // With metadata on SSD the RAM disk is a cache: the engine fills a fresh one.
      await storage.scm.format(true);
    } else {
      await storage.scm.mount();
    }
    return undefined;
  }

  async function launch(of: number): Promise<InstanceEvent> {
    await updateFaultDomain();
    await options.onStorageReady(instance);
    const [settings, path] = await Promise.all([options.launchSettings(state.checker), findEngine()]);
    if (state.life !== of || closing) throw new Error("the server is shutting down");
    const args = engineArgs(config, settings);
    const env = engineEnv(config, settings, process.env);
    const prefix = `daos_engine:${index}`;
    log.debug(`${prefix} args: ${args.join(" ")}`);
    log.debug(
      `${prefix} env: ${Object.entries(env)
        .map(([key, value]) => `${key}=${value}`)
        .join(" ")}`,
    );
    log.info(`Starting I/O Engine instance ${index}: ${path}`);
    ready = undefined;
    const started = spawnEngine({
      path,
      args,
      env,
      onStdout: (line) => log.info(`${prefix} ${line}`),
      onStderr: (line) => log.error(`${prefix} ${line}`),
    });
    process_ = started;
    started.exited.then((status) =>
      dispatch({ kind: "exited", life: of, status: `${path} exited: ${status}` }),
    );
    return { kind: "launched", life: of, pid: started.pid };
  }

  async function updateFaultDomain(): Promise<void> {
    const { hostFaultDomain } = options;
    if (superblock === undefined || superblock.hostFaultDomain === hostFaultDomain) return;
    log.info(
      `${name} setting host fault domain to "${hostFaultDomain}" (previously "${superblock.hostFaultDomain}")`,
    );
    await saveSuperblock({ ...superblock, hostFaultDomain });
  }

  async function saveSuperblock(next: Superblock): Promise<void> {
    await writeSuperblock(storage.superblockPath, next);
    superblock = next;
  }

  async function join(of: number): Promise<InstanceEvent> {
    if (superblock === undefined || ready === undefined)
      throw new Error("nil superblock while determining rank");
    const { uri, checkMode } = ready;
    const answer = await options.join(
      {
        instance: index,
        uuid: superblock.uuid,
        rank: superblock.validRank ? superblock.rank : (superblock.rank ?? options.firstRank),
        ready,
        hostFaultDomain: options.hostFaultDomain,
      },
      life.signal,
    );
    if (answer.state === "out") throw new Error(`rank ${answer.rank} excluded`);
    if (answer.state === "check" && !checkMode) {
      log.notice(`restarting rank ${answer.rank} in checker mode`);
      return { kind: "joinedChecker", life: of };
    }
    // On storage before the engine hears of it: a rank that was given away must be asked for again.
    if (!superblock.validRank || superblock.uri !== uri || superblock.rank !== answer.rank) {
      log.notice(`updating rank ${answer.rank} URI to ${uri}`);
      await saveSuperblock({ ...superblock, rank: answer.rank, uri, validRank: true });
    }
    joinAnswer = answer;
    return { kind: "joined", life: of };
  }

  async function setUp(of: number): Promise<InstanceEvent> {
    if (joinAnswer === undefined) throw new Error("no rank to set up");
    const { rank, mapVersion } = joinAnswer;
    const body = toBinary(SetRankReqSchema, create(SetRankReqSchema, { rank, mapVersion }));
    await callForStatus("SetRank", MgmtMethod.SET_RANK, body);
    await callForStatus("SetUp", MgmtMethod.SET_UP, new Uint8Array());
    return { kind: "setUp", life: of };
  }

  /** A call that broke off has most likely lost its engine: the exit then says more than the call. */
  async function awaitExit(error: unknown): Promise<void> {
    if (!(error instanceof DrpcConnectionError) || OWN_LIMITS.includes(error.code)) return;
    await Promise.race([process_?.exited, Bun.sleep(EXIT_NOTICE_MS)]);
  }

  async function callForStatus(what: string, method: number, body: Uint8Array): Promise<void> {
    const answer = await callEngine(method, body, { timeoutMs: SET_UP_TIMEOUT_MS });
    const { status } = fromBinary(DaosRespSchema, answer);
    if (status === 0) return;
    const { daosStatusText } = await import("../faults/daos-status.ts");
    throw new Error(`${what} failed: ${daosStatusText(status)}`);
  }

  async function callEngine(
    method: number,
    body: Uint8Array,
    callOptions: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    if (client === undefined) throw faultDataPlaneNotStarted();
    const of = life;
    const signal =
      callOptions.signal === undefined ? of.signal : AbortSignal.any([callOptions.signal, of.signal]);
    const startedAt = performance.now();
    let succeeded = false;
    try {
      const answer = await client.call(DrpcModule.MGMT, method, body, { ...callOptions, signal });
      succeeded = true;
      return answer;
    } catch (error) {
      await awaitExit(error);
      if (error instanceof NotDeliveredError) throw faultDataPlaneNotStarted();
      // The engine went away under the call: say that rather than how we noticed.
      if (of.signal.aborted || !isRunning(state)) throw faultDataPlaneLost();
      throw error;
    } finally {
      const tookMs = performance.now() - startedAt;
      const rank = superblock?.rank ?? "?";
      log.debug(`dRPC to index ${index} (rank ${rank}): ${method}/${body.length}B/${tookMs.toFixed(1)}ms`);
      options.observe?.(method, succeeded, tookMs / 1000);
    }
  }

  function reportExit(pid: number | undefined, status: string, publish: boolean): void {
    const rank = superblock?.rank;
    if (pid === undefined) log.error(`runner exited without starting process: ${status}`);
    const about = [name, pid === undefined ? "" : `pid ${pid}`, rank === undefined ? "" : `rank ${rank}`];
    log.info(`${about.filter((part) => part !== "").join(", ")} exited with status: ${status}`);
    client?.close();
    client = undefined;
    process_ = undefined;
    ready = undefined;
    if (publish) {
      options.publish(
        engineDiedEvent({ hostname: options.hostname, instance: index, rank, status, pid, now: new Date() }),
      );
    }
    const stale = socketPath;
    socketPath = "";
    const cleanUp = async () => {
      if (stale !== "") await rm(stale, { force: true });
      if (storage.metadataOnSsd) await storage.scm.unmount();
    };
    cleanUp().catch((error: unknown) => log.error(`${name}: cleaning up: ${errorText(error)}`));
  }

  async function waitFor(
    condition: (instance: ManagedInstance) => boolean,
    signal?: AbortSignal,
  ): Promise<void> {
    if (condition(instance)) return;
    signal?.throwIfAborted();
    const done = Promise.withResolvers<void>();
    const look = () => {
      if (condition(instance)) done.resolve();
    };
    const giveUp = () => done.reject(signal?.reason);
    listeners.add(look);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      await done.promise;
    } finally {
      listeners.delete(look);
      signal?.removeEventListener("abort", giveUp);
    }
  }

  const instance: ManagedInstance = {
    index,
    config,
    storage,
    state: () => memberState(state),
    stateInfo: () => (state.phase === "stopped" || state.phase === "stopping" ? state.lastError : ""),
    rank: () => superblock?.rank,
    uuid: () => superblock?.uuid,
    incarnation: () => ready?.incarnation ?? 0n,
    isReady: () => state.phase === "ready",
    isStarted: () => isRunning(state),
    isAwaitingFormat: () => state.phase === "awaitFormat",
    pid: () => state.pid,
    lastError: () => state.lastError,
    async callDrpc(method, body, callOptions) {
      if (state.phase !== "ready") throw faultDataPlaneNotStarted();
      return callEngine(method, body, callOptions);
    },
    start: (checker) => dispatch({ kind: "start", checker }),
    stop(signal, restart) {
      log.debug(`Signalling I/O Engine instance ${index} (${signal})`);
      dispatch({ kind: "stop", signal, restart });
    },
    notifyReady(request) {
      log.debug(`DAOS I/O Engine ${name} drpc ready: ${request.uri} ${request.drpcListenerSock}`);
      if (state.phase !== "starting") {
        log.error(`${name}: unexpected ready notice in phase ${state.phase}`);
        return;
      }
      ready = request;
      socketPath = request.drpcListenerSock;
      client?.close();
      client = createDrpcClient(socketPath);
      dispatch({ kind: "notifyReady" });
    },
    storageReady: () => dispatch({ kind: "storageReady", ranked: superblock?.rank !== undefined }),
    async ensureSuperblock() {
      superblock = await readSuperblock(storage.superblockPath);
      if (superblock !== undefined) return;
      await saveSuperblock(newSuperblock(randomUUID(), options.systemName, options.hostFaultDomain));
    },
    async removeSuperblock() {
      superblock = undefined;
      await storage.markErased();
      await removeSuperblock(storage.superblockPath);
    },
    waitFor,
    async shutdown(graceMs) {
      closing = true;
      const wasReady = state.phase === "ready";
      dispatch({ kind: "shutdown" });
      const running = process_;
      if (running === undefined || !isRunning(state)) return;
      const late = Promise.withResolvers<"late">();
      // Cleared below: a timer that runs on would keep the server from ending.
      const timer = setTimeout(() => late.resolve("late"), graceMs);
      if (wasReady) {
        const prepared = callEngine(MgmtMethod.PREP_SHUTDOWN, new Uint8Array(), { timeoutMs: graceMs / 2 });
        await prepared.catch((error: unknown) => log.debug(`${name}: prep shutdown: ${errorText(error)}`));
      }
      running.signal("SIGINT");
      if ((await Promise.race([running.exited, late.promise])) === "late") {
        log.notice(`${name} did not stop within ${graceMs} ms of SIGINT, killing it`);
        running.signal("SIGKILL");
      }
      clearTimeout(timer);
      await running.exited;
      await waitFor((self) => !self.isStarted());
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return instance;
}
