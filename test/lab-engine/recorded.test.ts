import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { DrpcModule, MgmtMethod } from "../../src/drpc/methods.ts";
import { CallSchema, ResponseSchema } from "../../src/gen/drpc_pb.ts";
import { GetACLReqSchema } from "../../src/gen/mgmt/acl_pb.ts";
import { PoolQueryReqSchema, PoolQueryRespSchema } from "../../src/gen/mgmt/pool_pb.ts";
import { GroupUpdateReqSchema } from "../../src/gen/mgmt/svc_pb.ts";
import { ClusterEventReqSchema } from "../../src/gen/shared/event_pb.ts";
import { type TestSystem, testSystem, until } from "./support.ts";

/** Packets recorded between a 2.6.0 server and a 2.6.0 engine are put to the emulated engine. */
interface Packet {
  readonly from: "server" | "engine";
  readonly kind: "call" | "response";
  readonly frame: string;
}

const packets: Packet[] = readFileSync(join(import.meta.dir, "../reference/drpc-2.6.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Packet);

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (body: Uint8Array) => Buffer.from(body).toString("hex");

/** Calls of the server, each with the body of the answer the real engine gave. */
const exchanges = packets.flatMap((packet, i) => {
  if (packet.from !== "server" || packet.kind !== "call") return [];
  const call = fromBinary(CallSchema, bytes(packet.frame));
  const answer = packets.slice(i + 1).find((p) => p.from === "engine" && p.kind === "response");
  return [
    {
      method: call.method,
      body: call.body,
      answer: fromBinary(ResponseSchema, bytes(answer?.frame ?? "")).body,
    },
  ];
});

const recorded = (method: number) => {
  const exchange = exchanges.find((e) => e.method === method);
  if (exchange === undefined) throw new Error(`method ${method} was not recorded`);
  return exchange;
};

let system: TestSystem;
beforeAll(async () => {
  // The recorded engine had one target and no NVMe.
  system = await testSystem({ targets: 1 });
  await system.start(0);
});
afterAll(() => system.close());

const methods = Object.entries(MgmtMethod).filter(([, method]) => exchanges.some((e) => e.method === method));

test("enough was recorded to compare with", () => {
  expect(methods.length).toBeGreaterThanOrEqual(11);
});

for (const name of [
  "POOL_CREATE",
  "POOL_SET_PROP",
  "POOL_GET_ACL",
  "POOL_GET_PROP",
  "SMD_LIST_DEVS",
  "PREP_SHUTDOWN",
] as const) {
  test(`${name} is answered byte by byte as by daos_engine`, async () => {
    const { body, answer } = recorded(MgmtMethod[name]);
    expect(hex(await system.engine(0).callRaw(MgmtMethod[name], body))).toBe(hex(answer));
  });
}

test("LIST_CONTAINERS of a pool without containers is an empty answer", async () => {
  const { body } = recorded(MgmtMethod.LIST_CONTAINERS);
  expect(hex(await system.engine(0).callRaw(MgmtMethod.LIST_CONTAINERS, body))).toBe("");
});

test("SET_UP and GROUP_UPDATE have the recorded empty answers", async () => {
  const { body } = recorded(MgmtMethod.GROUP_UPDATE);
  const update = fromBinary(GroupUpdateReqSchema, body);
  expect(update.engines.length).toBe(1);
  // An old version: nothing is done, and that is no error.
  const old = Uint8Array.from([0x08, 0x01]);
  expect(hex(await system.engine(0).callRaw(MgmtMethod.GROUP_UPDATE, old))).toBe(
    hex(recorded(MgmtMethod.GROUP_UPDATE).answer),
  );
});

test("POOL_QUERY differs from the recorded answer in identity, size and free space alone", async () => {
  const { body, answer } = recorded(MgmtMethod.POOL_QUERY);
  const request = fromBinary(PoolQueryReqSchema, body);
  const theirs = fromBinary(PoolQueryRespSchema, answer);
  const { id } = fromBinary(GetACLReqSchema, recorded(MgmtMethod.POOL_GET_ACL).body);
  const ours = await system
    .engine(0)
    .call(MgmtMethod.POOL_QUERY, PoolQueryReqSchema, { ...request, id }, PoolQueryRespSchema);
  expect(ours.uuid).toBe(id);
  expect(ours).toEqual({ ...theirs, uuid: id, tierStats: ours.tierStats });
  expect(ours.tierStats.map((t) => t.mediaType)).toEqual([0, 1]);
  expect(ours.tierStats[0]?.total).toBe(512_000_000n);
});

test("the event of a new pool carries what the recorded one carries", async () => {
  const raised = packets
    .filter((p) => p.from === "engine" && p.kind === "call")
    .map((p) => fromBinary(CallSchema, bytes(p.frame)))
    .filter((c) => c.module === DrpcModule.SRV && c.method === 304)
    .map((c) => fromBinary(ClusterEventReqSchema, c.body));
  const theirs = raised[1]?.event;
  const ours = await until("the event", () =>
    system.engine(0).events.find((e) => e.poolUuid === theirs?.poolUuid),
  );
  expect(ours.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4}$/);
  expect({ ...ours, timestamp: "", procId: 0n, hostname: "" }).toEqual({
    ...theirs,
    timestamp: "",
    procId: 0n,
    hostname: "",
  } as typeof ours);
});

test("a method daos_engine 2.6 does not serve is refused, a body it cannot read as well", async () => {
  const engine = system.engine(0);
  await expect(engine.callRaw(MgmtMethod.KILL_RANK, new Uint8Array())).rejects.toThrow("UNKNOWN_METHOD");
  await expect(engine.callRaw(MgmtMethod.POOL_QUERY, bytes("ffffff"))).rejects.toThrow(
    "FAILED_UNMARSHAL_PAYLOAD",
  );
});

test("the ready notice names everything a server asks for", () => {
  const { ready } = system.engine(0);
  expect(ready.uri).toMatch(/^ofi\+tcp:\/\/127\.0\.0\.1:\d+$/);
  expect(ready).toMatchObject({ nctxs: 3, instanceIdx: 0, ntgts: 1, checkMode: false, secondaryUris: [] });
  expect(ready.drpcListenerSock).toBe(
    join(system.dir, "s0", `daos_engine_${system.engine(0).process.pid}.sock`),
  );
  // The low 18 bits of a hybrid logical clock are its counter.
  expect(ready.incarnation % (1n << 18n)).toBe(0n);
});
