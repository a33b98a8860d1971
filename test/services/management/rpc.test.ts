import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { callUnary, closeConnections } from "../../../src/client/transport.ts";
import { MgmtMethod } from "../../../src/drpc/methods.ts";
import { MgmtSvc } from "../../../src/gen/mgmt/mgmt_pb.ts";
import { PoolCreateReqSchema, PoolCreateRespSchema } from "../../../src/gen/mgmt/pool_pb.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { createPeers } from "../../../src/services/management/index.ts";
import type { Component } from "../../../src/services/method.ts";
import { type RpcServer, rpcService, serveRpc } from "../../../src/services/serve.ts";
import { createRequest, joinRequest, type TestSystem, testSystem, testUuid } from "./support.ts";

const sys = "daos_server-2.6.0";

describe("the management service over gRPC", () => {
  let system: TestSystem;
  let server: RpcServer;
  beforeAll(async () => {
    system = await testSystem();
    server = await serveRpc({
      services: [rpcService(MgmtSvc, system.management.service)],
      transport: { insecure: true },
      listen: [{ host: "127.0.0.1", port: 0 }],
      systemName: "daos_server",
      log: silentLogger,
      component: "server",
    });
  });
  afterAll(async () => {
    closeConnections();
    await server.close(0);
    await system.close();
  });

  const call = <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    component: Component = "admin",
  ) =>
    callUnary(method, `127.0.0.1:${server.port}`, request, {
      security: { insecure: true },
      component,
      timeoutMs: 10_000,
    });

  test("many servers join at once, through one connection", async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        call(MgmtSvc.method.join, joinRequest(n + 1, { addr: `10.1.${n >> 8}.${n & 255}:10001` }), "server"),
      ),
    );
    expect(new Set(answers.map(({ rank }) => rank)).size).toBe(300);
    const { members } = await call(MgmtSvc.method.systemQuery, { sys });
    expect(members).toHaveLength(300);
    expect(await call(MgmtSvc.method.systemQuery, { sys })).toMatchObject({ members });
  });

  test("a server's joining engine finds the leader through its peers", async () => {
    const peers = createPeers({ security: { insecure: true }, component: "server", sys });
    const replicas = [`127.0.0.1:${server.port}`];
    const request = joinRequest(400, { addr: "0.0.0.0:10777" });
    const { rank } = await peers.leader(MgmtSvc.method.join, replicas, request, { timeoutMs: 10_000 });
    const { members } = await call(MgmtSvc.method.systemQuery, { sys, ranks: String(rank) });
    expect(members[0]?.addr).toBe("127.0.0.1:10777");
    const [one, other] = await peers.hosts(MgmtSvc.method.leaderQuery, [...replicas, "127.0.0.1:1"], { sys });
    expect(one?.value?.currentLeader).toBe("10.0.0.1:10001");
    expect(other?.error).toBeInstanceOf(Error);
  });

  test("faults arrive as they were thrown", async () => {
    await expect(
      call(MgmtSvc.method.poolCreate, { ...createRequest(1), properties: [] }),
    ).rejects.toMatchObject({
      name: "Fault",
      code: 615,
      domain: "server",
      resolution: "retry the operation with a label set",
    });
    await expect(call(MgmtSvc.method.poolQuery, { sys, id: "nopool" })).rejects.toMatchObject({
      name: "PoolNotFoundError",
      message: 'unable to find pool service with label "nopool"',
    });
    await expect(call(MgmtSvc.method.poolQuery, { sys: "other", id: "x" })).rejects.toMatchObject({
      code: 603,
    });
  });

  test("a status of the engine is the error that dmg knows", async () => {
    system.engine.on(MgmtMethod.POOL_CREATE, PoolCreateReqSchema, PoolCreateRespSchema, () => ({
      status: -1007,
    }));
    await expect(call(MgmtSvc.method.poolCreate, createRequest(1))).rejects.toMatchObject({
      name: "DaosStatusError",
      status: -1007,
    });
    expect((await call(MgmtSvc.method.listPools, { sys })).pools).toEqual([]);
  });

  test("a pool of another caller's making is found by both its names", async () => {
    system.engine.on(MgmtMethod.POOL_CREATE, PoolCreateReqSchema, PoolCreateRespSchema, () => ({
      svcReps: [1],
    }));
    await call(MgmtSvc.method.poolCreate, createRequest(2));
    for (const id of ["pool2", testUuid(2), testUuid(2).toUpperCase()]) {
      await call(MgmtSvc.method.poolQuery, { sys, id });
    }
  });
});

test("every method has the roles of the 2.6 contract, and every method of the contract is answered", async () => {
  const system = await testSystem({ started: false });
  const table = readFileSync(join(import.meta.dirname, "../../reference/codes-2.6.tsv"), "utf8");
  // 2.6 answers these in builds for testing only.
  const forTesting = /FaultInject/;
  const wanted = table.split("\n").flatMap((line) => {
    const [kind, roles, path] = line.split("\t");
    const name = path?.split("/mgmt.MgmtSvc/")[1];
    return kind === "authorized" && name && !forTesting.test(name)
      ? [[name, roles!.split(",")] as const]
      : [];
  });
  const service = system.management.service as Record<string, { roles: readonly Component[] } | undefined>;
  const have = MgmtSvc.methods.flatMap(({ name, localName }) => {
    const method = service[localName];
    return method === undefined ? [] : [[name, [...method.roles]] as const];
  });
  expect(Object.fromEntries(have)).toEqual(Object.fromEntries(wanted) as never);
  await system.close();
});
