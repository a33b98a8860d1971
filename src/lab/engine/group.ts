import { Der, DerError } from "./der.ts";
import type { Engine } from "./engine.ts";
import type { EngineEnvironment } from "./environment.ts";
import type { FabricHandler } from "./fabric.ts";
import type { EngineLog } from "./log.ts";
import type { GroupEntry, GroupUpdate, MembershipOptions, PingAnswer } from "./membership.ts";

/** A ping says who asks, and which map it has: the one with the older map gets the newer one. */
interface Ping extends PingAnswer {
  readonly version: number;
}

interface Goodbye {
  readonly rank: number;
  readonly incarnation: bigint;
}

function me(engine: Engine): Ping {
  const rank = engine.membership.self();
  if (rank === undefined) throw new DerError(Der.UNINIT, "no rank yet");
  return { rank, incarnation: engine.incarnation, version: engine.membership.version() };
}

/** Takes a group map. false: it is not newer than what is known. */
export function applyGroup(engine: Engine, update: GroupUpdate): boolean {
  const taken = engine.membership.update(update);
  if (taken) engine.services.reconsider();
  return taken;
}

/** What membership needs of the engine around it. The engine exists when the first of them is called. */
export function membershipOptions(
  log: EngineLog,
  environment: EngineEnvironment,
  engineOf: () => Engine,
): MembershipOptions {
  const tell = (uri: string, op: string, body: unknown) => {
    const engine = engineOf();
    engine.fabric.call(uri, op, body, 1000).catch((error: Error) => log.debug(`${op}: ${error.message}`));
  };
  return {
    log,
    pingPeriodMs: environment.pingPeriodMs,
    suspectTimeoutMs: environment.suspectTimeoutMs,
    now: () => performance.now(),
    async ping(member, timeoutMs) {
      const engine = engineOf();
      const answer = (await engine.fabric.call(member.uri, "ping", me(engine), timeoutMs)) as Ping;
      if (answer.version < engine.membership.version()) {
        tell(member.uri, "group.update", engine.membership.group());
      } else if (answer.version > engine.membership.version()) {
        // Nobody sends a map to a rank that is not in it: one that was excluded finds out by asking.
        engine.fabric.call(member.uri, "group.get", {}, 1000).then(
          (group) => applyGroup(engine, group as GroupUpdate),
          (error: Error) => log.debug(`group.get: ${error.message}`),
        );
      }
      return answer;
    },
    async pingThrough(via, about, timeoutMs) {
      const request = { uri: about.uri, rank: about.rank, incarnation: about.incarnation, timeoutMs };
      return (await engineOf().fabric.call(via.uri, "ping.through", request, timeoutMs * 2)) === true;
    },
    tellDead: (to, dead) =>
      tell(to.uri, "member.dead", { rank: dead.rank, uri: dead.uri, incarnation: dead.incarnation }),
    onEvent(event) {
      const engine = engineOf();
      switch (event.kind) {
        case "dead": {
          // Calls to it end now rather than at their deadlines.
          engine.fabric.drop(event.uri);
          // As in 2.6, nothing is raised in checker mode. Who finds a rank dead raises it; the lowest living rank does as well, should that one's server be deaf.
          const lowest = engine.membership.members().find((m) => m.status === "alive")?.rank;
          if (!engine.args.checkMode && (!event.heard || lowest === engine.membership.self())) {
            void engine.ras.swimRankDead(event.rank, event.incarnation);
          }
          engine.services.reconsider();
          return;
        }
        case "left":
        case "gone":
        case "removed":
          engine.services.reconsider();
          return;
        case "alive":
          engine.services.rankAlive(event.rank);
          engine.services.reconsider();
          return;
        case "self-removed":
          // As the engine does: a rank that was excluded must not go on.
          engine.log.error("exclusion of this engine detected: SIGKILL");
          process.kill(process.pid, "SIGKILL");
      }
    },
  };
}

/** Requests of other engines about the group, and about this engine's part of pools. */
export function groupHandlers(engine: Engine): Record<string, FabricHandler> {
  const { membership, fabric } = engine;
  return {
    ping(body) {
      const from = body as Ping;
      const mine = me(engine);
      membership.heardFrom(from.rank, from.incarnation);
      const member = membership.member(from.rank);
      if (from.version < mine.version && member !== undefined) {
        fabric
          .call(member.uri, "group.update", membership.group(), 1000)
          .catch((error: Error) => engine.log.debug(`group.update: ${error.message}`));
      }
      return mine;
    },
    async "ping.through"(body) {
      const { uri, rank, incarnation, timeoutMs } = body as GroupEntry & { timeoutMs: number };
      const answer = (await fabric.call(uri, "ping", me(engine), timeoutMs)) as Ping;
      return answer.rank === rank && answer.incarnation === incarnation;
    },
    "group.get": () => membership.group(),
    "group.update"(body) {
      applyGroup(engine, body as GroupUpdate);
      return {};
    },
    "member.dead"(body) {
      const { rank, incarnation } = body as GroupEntry;
      membership.heardDead(rank, incarnation);
      return {};
    },
    "member.left"(body) {
      const { rank, incarnation } = body as Goodbye;
      membership.heardLeft(rank, incarnation);
      return {};
    },
    "shard.create"(body) {
      const { uuid, scmBytes, nvmeBytes } = body as { uuid: string; scmBytes: bigint; nvmeBytes: bigint };
      return engine.shards.create(uuid, scmBytes, nvmeBytes);
    },
    async "shard.destroy"(body) {
      const { uuid } = body as { uuid: string };
      await engine.services.drop(uuid);
      await engine.shards.destroy(uuid);
      return {};
    },
    ...lazyClientHandlers(engine),
    // Loaded when needed: most engines never see a checker.
    async "check.list"() {
      return (await import("./check-repair.ts")).localPools(engine);
    },
    async "check.dictate"(body) {
      await (await import("./check-repair.ts")).dictate(engine, (body as { uuid: string }).uuid);
      return {};
    },
  };
}

const clientOperations = ["connect", "disconnect", "list", "create", "destroy"].map(
  (name) => `client.${name}`,
);

/** Most engines never see an emulated client. */
function lazyClientHandlers(engine: Engine): Record<string, FabricHandler> {
  let loading: Promise<Record<string, FabricHandler>> | undefined;
  return Object.fromEntries(
    clientOperations.map((op): [string, FabricHandler] => [
      op,
      async (body) => {
        loading ??= import("./client-ops.ts").then(({ clientHandlers }) => clientHandlers(engine));
        const handler = (await loading)[op];
        if (handler === undefined) throw new DerError(Der.NOSYS, `unknown operation ${op}`);
        return handler(body);
      },
    ]),
  );
}

const goodbyeTimeoutMs = 40;

/**
 * Tells the others that this rank leaves in an orderly way, so that none of them takes it for dead. Only
 * after PrepShutdown: an engine that is stopped without it is missed, as with 2.6.
 */
export async function sayGoodbye(engine: Engine): Promise<void> {
  const { membership, fabric, shuttingDown } = engine;
  const rank = membership.self();
  if (!shuttingDown || rank === undefined) return;
  const body: Goodbye = { rank, incarnation: engine.incarnation };
  const others = membership.members().filter((m) => m.rank !== rank && m.status === "alive");
  await Promise.allSettled(others.map((m) => fabric.call(m.uri, "member.left", body, goodbyeTimeoutMs)));
}
