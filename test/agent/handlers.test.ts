import { describe, expect, test } from "bun:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { DrpcSession } from "../../src/drpc/types.ts";
import {
  GetAttachInfoReqSchema,
  type GetAttachInfoResp,
  GetAttachInfoRespSchema,
} from "../../src/gen/mgmt/svc_pb.ts";
import { type GetCredResp, GetCredRespSchema } from "../../src/gen/security/auth_pb.ts";
import type { Topology } from "../../src/hardware/topology.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { readSysToken } from "../../src/security/credentials.ts";
import type { AttachInfoSource } from "../../src/services/agent/attach-info.ts";
import { createFabric, type FabricDevice } from "../../src/services/agent/fabric.ts";
import { type GetAttachInfoOptions, getAttachInfoHandler } from "../../src/services/agent/get-attach-info.ts";
import { processNumaNode, processStart } from "../../src/services/agent/process.ts";
import { createCredentialRequests } from "../../src/services/agent/request-credentials.ts";

const session: DrpcSession = {
  id: 1,
  peer: { pid: process.pid, uid: 1000, gid: 100 },
  signal: new AbortController().signal,
};

/** A system with a TCP and a verbs provider. */
const info = create(GetAttachInfoRespSchema, {
  sys: "daos_server",
  rankUris: [{ rank: 0, uri: "ofi+tcp://10.0.0.1:1" }],
  msRanks: [0],
  clientNetHint: { provider: "ofi+tcp", netDevClass: 1 },
  secondaryRankUris: [
    { rank: 0, uri: "ofi+verbs://10.1.0.1:1", providerIdx: 1 },
    { rank: 0, uri: "ofi+cxi://10.2.0.1:1", providerIdx: 2 },
  ],
  secondaryClientNetHints: [
    { provider: "ofi+verbs", netDevClass: 32, providerIdx: 1 },
    { provider: "ofi+cxi", netDevClass: 1, providerIdx: 2 },
  ],
});

const eth0: FabricDevice = {
  name: "eth0",
  domain: "",
  numaNode: 0,
  deviceClass: 1,
  providers: new Set(["ofi+tcp"]),
};
const ib0: FabricDevice = {
  name: "ib0",
  domain: "mlx5_0",
  numaNode: 0,
  deviceClass: 32,
  providers: new Set(["ofi+verbs"]),
};

const sourceOf = (answer: GetAttachInfoResp): AttachInfoSource => ({
  peek: () => answer,
  get: async () => answer,
  refresh: async () => {},
  status: () => ({ cached: true, ranks: 0, providers: [], fetches: 0, failures: 0 }),
});

function handler(options: Partial<GetAttachInfoOptions> = {}, devices = [eth0, ib0]) {
  const fabric = createFabric({ devices, excluded: new Set(), usable: () => true, log: silentLogger });
  const topology: Topology = { nodes: [{ id: 0, cpus: [0], cores: 1 }] };
  const handle = getAttachInfoHandler({
    systemName: "daos_server",
    providerIndex: 0,
    clientEnvVars: [],
    source: sourceOf(info),
    fabric: { peek: () => fabric, get: async () => fabric, refresh: async () => {} },
    topology: async () => topology,
    log: silentLogger,
    ...options,
  });
  return async (request: MessageInitShape<typeof GetAttachInfoReqSchema> = {}) => {
    const body = toBinary(GetAttachInfoReqSchema, create(GetAttachInfoReqSchema, request));
    return fromBinary(GetAttachInfoRespSchema, await handle(body, session));
  };
}

describe("GetAttachInfo with several providers", () => {
  test("is about the first one", async () => {
    const answer = await handler()();
    expect(answer.clientNetHint?.provider).toBe("ofi+tcp");
    expect(answer.clientNetHint?.interface).toBe("eth0");
    expect(answer.secondaryRankUris.length).toBe(2);
  });

  test("is about the one of the configuration", async () => {
    const answer = await handler({ providerIndex: 1 })();
    expect(answer.rankUris.map((rank) => rank.uri)).toEqual(["ofi+verbs://10.1.0.1:1"]);
    expect([answer.clientNetHint?.interface, answer.clientNetHint?.domain]).toEqual(["ib0", "mlx5_0"]);
    expect(answer.secondaryRankUris).toEqual([]);
  });

  test("is about the one that a wished interface carries", async () => {
    const answer = await handler()({ interface: "ib0", domain: "mlx5_0" });
    expect(answer.clientNetHint?.provider).toBe("ofi+verbs");
    expect(answer.rankUris[0]?.uri).toBe("ofi+verbs://10.1.0.1:1");
  });

  test("is about the first one when nothing is known of the wished interface", async () => {
    expect((await handler()({ interface: "xyz" })).clientNetHint?.provider).toBe("ofi+tcp");
    const odd = { ...eth0, name: "odd", providers: new Set(["ofi+psm3"]) };
    expect((await handler({}, [odd])({ interface: "odd" })).clientNetHint?.provider).toBe("ofi+tcp");
  });

  test("fails for a provider the system does not have", async () => {
    expect(handler({ providerIndex: 3 })()).rejects.toThrow("out of range (maximum: 2)");
  });

  test("does not mix up the answers it has encoded", async () => {
    const ask = handler();
    const names = [];
    for (const name of ["eth0", "ib0", "a", "eth0", "b", "a"]) {
      names.push((await ask({ interface: name })).clientNetHint?.interface);
    }
    expect(names).toEqual(["eth0", "ib0", "a", "eth0", "b", "a"]);
  });

  test("adds variables for clients without changing what is kept", async () => {
    const ask = handler({ clientEnvVars: ["D_X=1"] });
    await ask({ interface: "a" });
    expect((await ask({ interface: "b" })).clientNetHint?.envVars).toEqual(["D_X=1"]);
    expect(info.clientNetHint?.envVars).toEqual([]);
  });
});

describe("the NUMA node of a process", () => {
  const topology = (...cpus: number[][]): Topology => ({
    nodes: cpus.map((list, id) => ({ id: id + 4, cpus: list, cores: list.length })),
  });

  test("is the only one there is", () => {
    expect(processNumaNode(process.pid, topology([0, 1]))).toBe(4);
  });

  test("is the first whose CPUs it may use", async () => {
    const all = Array.from({ length: 1024 }, (_, cpu) => cpu);
    expect(processNumaNode(process.pid, topology([5000], all))).toBe(5);
    expect(processNumaNode(0, topology([5000], all))).toBe(5);
  });

  test("is unknown for a process that is gone", async () => {
    expect(() => processNumaNode(2 ** 22 + 1, topology([0], [1]))).toThrow("failed to get NUMA node ID");
  });
});

test("the start of a process tells it from another of the same number", async () => {
  expect(processStart(process.pid)).toMatch(/^\d+$/);
  expect(processStart(process.pid)).toBe(processStart(process.pid));
  expect(processStart(2 ** 22 + 1)).toBeUndefined();
});

describe("RequestCredentials", () => {
  const nameless = new Error("no user has the number 7");
  function credentials(names: Record<number, string>) {
    let lookUps = 0;
    const { handle } = createCredentialRequests({
      async lookUp(uid) {
        lookUps++;
        const user = names[uid];
        if (user === undefined) throw nameless;
        return { user, group: "staff", groups: ["staff", "disk"] };
      },
      machineName: () => "node7",
      signingKey: undefined,
      log: silentLogger,
    });
    const ask = async (uid: number, more: Partial<DrpcSession> = {}): Promise<GetCredResp> => {
      const peer = { ...session.peer, uid };
      return fromBinary(GetCredRespSchema, await handle(new Uint8Array(0), { ...session, peer, ...more }));
    };
    return { ask, lookUps: () => lookUps };
  }

  test("names each user for itself", async () => {
    const { ask } = credentials({ 1: "alice", 2: "bob" });
    const users = [];
    for (const uid of [1, 2, 1]) users.push(readSysToken((await ask(uid)).cred!.token!).user);
    expect(users).toEqual(["alice@", "bob@", "alice@"]);
  });

  test("looks a user up once for many processes at a time", async () => {
    const { ask, lookUps } = credentials({ 1: "alice" });
    await Promise.all(Array.from({ length: 20 }, () => ask(1)));
    expect(lookUps()).toBe(1);
  });

  test("keeps security labels apart", async () => {
    const { ask } = credentials({ 1: "alice" });
    const labels = [];
    for (const securityLabel of ["", "a:b:c", ""]) {
      labels.push(readSysToken((await ask(1, { securityLabel })).cred!.token!).secctx);
    }
    expect(labels).toEqual(["", "a:b:c", ""]);
  });

  test("asks again for a user that had no name", async () => {
    const names: Record<number, string> = {};
    const { ask } = credentials(names);
    expect((await ask(7)).status).toBe(-1025);
    names[7] = "grace";
    expect((await ask(7)).status).toBe(0);
  });
});
