/**
 * The clients of a run: a process on the clients' host. Arguments: certificates' folder ("" for none), then the
 * replicas' addresses. Reads commands from stdin, a line of JSON each, and answers each with a line.
 */
import { randomUUID } from "node:crypto";
import type { DmgClient } from "../../src/client/context.ts";
import { listPools, poolCreate, poolDestroy } from "../../src/client/pool.ts";
import { systemExclude, systemQuery } from "../../src/client/system.ts";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { errorText, isFault } from "../../src/faults/fault.ts";
import {
  NotLeaderError,
  NotReplicaError,
  UnavailableError,
  UninitializedError,
} from "../../src/faults/system.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { loadTransportSecurity, type TransportSecurity } from "../../src/security/tls.ts";
import { nilRank } from "../../src/system/ranks.ts";
import type { Call, FinalState, Op, Outcome } from "./history.ts";
import { createRandom, type Random } from "./random.ts";

export type DriverCommand =
  | {
      readonly cmd: "start";
      readonly seed: number;
      readonly clients: number;
      readonly pools: boolean;
      readonly paceMs: number;
    }
  | { readonly cmd: "stop" }
  | { readonly cmd: "final" };

const [certs = "", ...replicas] = process.argv.slice(2);
const sys = "daos_server-2.6.0";
const tryMs = 4_000;
const opMs = 12_000;

async function security(component: "admin" | "server"): Promise<TransportSecurity> {
  if (certs === "") return { insecure: true };
  const file = (name: string) => `${certs}/${name}`;
  return loadTransportSecurity(
    {
      allowInsecure: false,
      caCert: file("daosCA.crt"),
      cert: file(`${component}.crt`),
      key: file(`${component}.key`),
    },
    component,
  );
}

const admin = { security: await security("admin"), component: "admin", timeoutMs: tryMs } as const;
const server = { security: await security("server"), component: "server", timeoutMs: tryMs } as const;
const client = (timeoutMs: number): DmgClient => ({
  security: admin.security,
  component: "admin",
  sys,
  timeoutMs,
  hosts: replicas,
  systemName: "daos_server",
});

/** The request certainly did nothing: it was not taken, or never arrived. */
function didNothing(error: unknown): boolean {
  return (
    error instanceof NotLeaderError ||
    error instanceof NotReplicaError ||
    error instanceof UnavailableError ||
    error instanceof UninitializedError ||
    isFault(error, 506)
  );
}

/** Sends a change to one replica after the other until one has taken it, or may have. */
async function change<T>(random: Random, send: (host: string) => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + opMs;
  let host = random.pick(replicas);
  for (;;) {
    try {
      return await send(host);
    } catch (error) {
      if (!didNothing(error) || performance.now() > deadlineMs) throw error;
      const hint = error instanceof NotLeaderError ? error.leaderHint : "";
      host = hint !== "" && hint !== host ? hint : random.pick(replicas);
      await Bun.sleep(20 + random.below(60));
    }
  }
}

let running = false;
let history: Call[] = [];
let workers: Promise<void>[] = [];

async function record(
  client: number,
  op: Op,
  work: () => Promise<Partial<Op>>,
  safe: boolean,
): Promise<void> {
  const startMs = performance.now();
  let outcome: Outcome = "ok";
  let result: Partial<Op> = {};
  let error: string | undefined;
  try {
    result = await work();
  } catch (thrown) {
    outcome = op.kind === "read" || (safe && didNothing(thrown)) ? "failed" : "unknown";
    error = errorText(thrown);
  }
  history.push({
    client,
    op: { ...op, ...result } as Op,
    startMs,
    endMs: outcome === "unknown" ? Number.POSITIVE_INFINITY : performance.now(),
    outcome,
    ...(error === undefined ? {} : { error }),
  });
}

async function work(id: number, random: Random, pools: boolean, paceMs: number): Promise<void> {
  for (let count = 0; running; count++) {
    const dice = random.below(100);
    const key = `k${random.below(4)}`;
    if (pools && id === 0 && dice < 40) {
      await onePool(id, `p-${random.below(1e9)}-${count}`);
    } else if (dice < 45) {
      const value = `${id}-${count}-${random.below(1e9)}`;
      await record(
        id,
        { kind: "write", key, value },
        () =>
          change(random, async (host) => {
            await callUnary(MgmtSvc.method.systemSetAttr, host, { sys, attributes: { [key]: value } }, admin);
            return {};
          }),
        true,
      );
    } else if (dice < 85 || pools) {
      // No ranks without an engine while there are pools: a pool is not destroyed while one of the group is silent.
      const host = random.pick(replicas);
      await record(
        id,
        { kind: "read", key },
        async () => {
          const { attributes } = await callUnary(
            MgmtSvc.method.systemGetAttr,
            host,
            { sys, keys: [] },
            { ...admin, timeoutMs: 2_000 },
          );
          return attributes[key] === undefined ? {} : { value: attributes[key] };
        },
        true,
      );
    } else {
      const uuid = randomUUID();
      await record(id, { kind: "join", uuid }, () => change(random, (host) => join(host, uuid, id)), true);
    }
    await Bun.sleep(random.below(paceMs));
  }
}

async function join(host: string, uuid: string, id: number): Promise<{ rank: number }> {
  const { rank } = await callUnary(
    MgmtSvc.method.join,
    host,
    {
      sys,
      uuid,
      rank: nilRank,
      addr: `10.77.9.${id + 1}:10001`,
      uri: `ofi+tcp://10.77.9.${id + 1}:31416`,
      nctxs: 1,
      srvFaultDomain: `/client${id}`,
      incarnation: 1n,
    },
    server,
  );
  return { rank };
}

async function onePool(id: number, label: string): Promise<void> {
  await record(
    id,
    { kind: "create", label },
    async () => {
      const { uuid } = await poolCreate(client(opMs), {
        user: "root@",
        userGroup: "root@",
        acl: [],
        properties: [{ number: 1, value: label }],
        serviceReplicas: 1,
        ranks: [0],
        rankCount: 0,
        size: { tierBytes: [32n << 20n, 0n] },
        metaBlobBytes: 0n,
      });
      return { uuid };
    },
    false,
  );
  if (history.at(-1)?.outcome === "ok" && Math.random() < 0.6) {
    await record(
      id,
      { kind: "destroy", label },
      async () => {
        await poolDestroy(client(opMs), label, { force: true, recursive: true });
        return {};
      },
      false,
    );
  }
}

/** Ranks that have no engine leave the group, as SWIM would have them: they would be in the way of later runs. */
async function excludeJoined(): Promise<void> {
  const ranks = history.flatMap(({ op }) => (op.kind === "join" && op.rank !== undefined ? [op.rank] : []));
  if (ranks.length === 0) return;
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    try {
      await systemExclude(client(tryMs), { ranks, clear: false });
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await Bun.sleep(200);
    }
  }
}

async function final(): Promise<FinalState> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    try {
      // Linearizable first: what is read from the same replica after it is as new.
      const host = replicas[0]!;
      const { attributes } = await callUnary(MgmtSvc.method.systemGetAttr, host, { sys, keys: [] }, admin);
      const one = { ...client(tryMs), hosts: [host] };
      const { members } = await systemQuery(one, { failOnUnavailable: true });
      const { pools } = await listPools(one, { query: false });
      return {
        attributes,
        members: members.map(({ rank, uuid }) => ({ rank, uuid })),
        pools: pools.map(({ uuid, label }) => ({ uuid, label })),
      };
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      closeConnections();
      await Bun.sleep(200);
    }
  }
}

async function answer(command: DriverCommand): Promise<unknown> {
  switch (command.cmd) {
    case "start": {
      running = true;
      history = [];
      const random = createRandom(command.seed);
      workers = Array.from({ length: command.clients }, (_, id) =>
        work(id, createRandom(random.below(2 ** 31)), command.pools, command.paceMs),
      );
      return {};
    }
    case "stop":
      running = false;
      await Promise.all(workers);
      await excludeJoined();
      // JSON has no Infinity.
      return history.map((call) => ({ ...call, endMs: Number.isFinite(call.endMs) ? call.endMs : null }));
    case "final":
      return final();
  }
}

const lines = console;
for await (const line of lines) {
  try {
    console.log(JSON.stringify({ answer: await answer(JSON.parse(line) as DriverCommand) }));
  } catch (error) {
    console.log(JSON.stringify({ error: errorText(error) }));
  }
}
