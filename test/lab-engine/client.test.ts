import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrpcModule, MgmtMethod, SecAgentMethod, SecMethod, SrvMethod } from "../../src/drpc/methods.ts";
import { listenDrpc } from "../../src/drpc/server.ts";
import type { DrpcServer } from "../../src/drpc/types.ts";
import { ContSetOwnerReqSchema, ContSetOwnerRespSchema } from "../../src/gen/mgmt/cont_pb.ts";
import {
  ListContReqSchema,
  ListContRespSchema,
  PoolEvictReqSchema,
  PoolEvictRespSchema,
} from "../../src/gen/mgmt/pool_pb.ts";
import { GetAttachInfoRespSchema, PoolMonitorReqSchema } from "../../src/gen/mgmt/svc_pb.ts";
import {
  Flavor,
  GetCredRespSchema,
  SysSchema,
  ValidateCredReqSchema,
  ValidateCredRespSchema,
} from "../../src/gen/security/auth_pb.ts";
import { PoolFindByLabelReqSchema, PoolFindByLabelRespSchema } from "../../src/gen/srv/srv_pb.ts";
import { permissionsOf } from "../../src/lab/engine/access.ts";
import { connectPool } from "../../src/lab/engine/client.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { createPool, queryPool } from "./pools.ts";
import { type TestSystem, testSystem, type Upcalls } from "./support.ts";

let system: TestSystem | undefined;
let agent: DrpcServer | undefined;
afterEach(async () => {
  await agent?.close(0);
  await system?.close();
});

const id = "44444444-4444-4444-8444-444444444444";

test("permissions: owner, user, groups together, everyone", () => {
  const access = {
    owner: "ann@",
    ownerGroup: "staff@",
    acl: ["A::OWNER@:rw", "A::bob@:r", "A:G:GROUP@:rt", "A:G:lab@:w", "A::EVERYONE@:d"],
  };
  const who = (user: string, group = "none@", groups: string[] = []) =>
    permissionsOf(access, { user, group, groups, machine: "m" });
  expect(who("ann@")).toBe("rw");
  expect(who("bob@", "staff@")).toBe("r");
  expect(who("eve@", "staff@", ["lab@"])).toBe("rtw");
  expect(who("eve@")).toBe("d");
});

/** An agent and a server that know one user, whose signature is "good". */
async function connectable(user: string) {
  const token = {
    flavor: Flavor.AUTH_SYS,
    data: toBinary(SysSchema, create(SysSchema, { machinename: "host1", user, group: "staff@" })),
  };
  const calls: Upcalls["calls"] = [];
  const notices: { method: number; handle: string }[] = [];
  const sys = await testSystem({
    upcalls: {
      calls,
      poolReplicas: () => [0],
      handlers: {
        [SrvMethod.POOL_FIND_BYLABEL]: (body) => {
          const { label } = fromBinary(PoolFindByLabelReqSchema, body);
          const known = label === "tank";
          return toBinary(
            PoolFindByLabelRespSchema,
            create(PoolFindByLabelRespSchema, known ? { uuid: id, svcreps: [0] } : { status: -1005 }),
          );
        },
        [SecMethod.VALIDATE_CREDS]: (body) => {
          const { cred } = fromBinary(ValidateCredReqSchema, body);
          const good = new TextDecoder().decode(cred?.verifier?.data) === "good";
          return toBinary(
            ValidateCredRespSchema,
            create(ValidateCredRespSchema, good ? { token: cred?.token } : { status: -1001 }),
          );
        },
      },
    },
  });
  system = sys;
  await sys.start(0);
  await sys.start(1);
  const socket = join(sys.dir, "daos_agent.sock");
  const notice = (method: number) => (body: Uint8Array) => {
    notices.push({ method, handle: fromBinary(PoolMonitorReqSchema, body).poolHandleUUID });
    return new Uint8Array();
  };
  agent = await listenDrpc({
    path: socket,
    mode: 0o600,
    log: silentLogger,
    modules: {
      [DrpcModule.SEC_AGENT]: {
        [SecAgentMethod.REQUEST_CREDS]: () =>
          toBinary(
            GetCredRespSchema,
            create(GetCredRespSchema, {
              cred: {
                token,
                verifier: { flavor: Flavor.AUTH_SYS, data: Buffer.from("good") },
                origin: "agent",
              },
            }),
          ),
      },
      [DrpcModule.MGMT]: {
        [MgmtMethod.GET_ATTACH_INFO]: () =>
          toBinary(
            GetAttachInfoRespSchema,
            create(GetAttachInfoRespSchema, {
              sys: "test",
              rankUris: [0, 1].map((rank) => ({ rank, uri: sys.engine(rank).ready.uri })),
            }),
          ),
        [MgmtMethod.NOTIFY_POOL_CONNECT]: notice(MgmtMethod.NOTIFY_POOL_CONNECT),
        [MgmtMethod.NOTIFY_POOL_DISCONNECT]: notice(MgmtMethod.NOTIFY_POOL_DISCONNECT),
      },
    },
  });
  expect((await createPool(sys.engine(0), [0, 1], id)).status).toBe(0);
  return { sys, socket, calls, notices };
}

test("an application connects through agent and server, and its containers and handles are seen", async () => {
  const { sys, socket, calls, notices } = await connectable("root@");
  const engine = sys.engine(1);
  const pool = await connectPool(socket, "tank");
  expect(pool.uuid).toBe(id);
  const made = calls.filter((c) => c.method !== SrvMethod.NOTIFY_READY).map((c) => c.method);
  expect(made).toEqual([SrvMethod.POOL_FIND_BYLABEL, SecMethod.VALIDATE_CREDS]);
  const before = (await queryPool(engine, id, [0])).tierStats[0]?.free ?? 0n;
  const container = await pool.createContainer("home", 1n << 20n);
  await expect(pool.createContainer("home", 0n)).rejects.toMatchObject({ status: -1004 });
  expect(((await queryPool(engine, id, [0])).tierStats[0]?.free ?? 0n) < before).toBe(true);
  const listed = await engine.call(
    MgmtMethod.LIST_CONTAINERS,
    ListContReqSchema,
    { id, svcRanks: [0] },
    ListContRespSchema,
  );
  expect(listed.containers.map((c) => c.uuid)).toEqual([container]);
  const owned = await engine.call(
    MgmtMethod.CONT_SET_OWNER,
    ContSetOwnerReqSchema,
    { contUUID: container, poolUUID: id, owneruser: "ann@", svcRanks: [0] },
    ContSetOwnerRespSchema,
  );
  expect(owned.status).toBe(0);
  expect(await pool.containers()).toMatchObject([{ label: "home", owner: "ann@", ownerGroup: "staff@" }]);
  const evict = (more: { destroy?: boolean; machine?: string }) =>
    engine.call(
      MgmtMethod.POOL_EVICT,
      PoolEvictReqSchema,
      { id, svcRanks: [0], ...more },
      PoolEvictRespSchema,
    );
  expect((await evict({ destroy: true })).status).toBe(-1012);
  await pool.destroyContainer("home");
  await expect(pool.destroyContainer("home")).rejects.toMatchObject({ status: -1005 });
  expect(await evict({ machine: "host2" })).toMatchObject({ status: 0, count: 0 });
  expect(await evict({ machine: "host1" })).toMatchObject({ status: 0, count: 1 });
  await expect(pool.containers()).rejects.toMatchObject({ status: -1002 });
  await pool.close();
  expect(notices).toEqual([
    { method: MgmtMethod.NOTIFY_POOL_CONNECT, handle: pool.handle },
    { method: MgmtMethod.NOTIFY_POOL_DISCONNECT, handle: pool.handle },
  ]);
});

test("who has no permission, and who asks for a pool that is not, is told", async () => {
  const { socket } = await connectable("eve@");
  await expect(connectPool(socket, "tank")).rejects.toMatchObject({ status: -1001 });
  await expect(connectPool(socket, "pond")).rejects.toMatchObject({ status: -1005 });
});
