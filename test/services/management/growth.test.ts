/**
 * What a rank costs does not grow with their number. Counted, not timed: commits, records written, calls and
 * bytes, for a small system and one sixteen times as large.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import { MgmtMethod } from "../../../src/drpc/methods.ts";
import type { RanksReq } from "../../../src/gen/ctl/ranks_pb.ts";
import { GetAttachInfoRespSchema, GroupUpdateReqSchema } from "../../../src/gen/mgmt/svc_pb.ts";
import { SystemQueryRespSchema } from "../../../src/gen/mgmt/system_pb.ts";
import { encodeAnswer } from "../../../src/services/encode-once.ts";
import type { CallContext } from "../../../src/services/method.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import type { StoreOp } from "../../../src/store/store.ts";
import { joinRequest, selfAddr, type TestSystem, testSystem, until } from "./support.ts";

const small = 64;
const large = 1024;
const ranksPerHost = 2;

interface Counted {
  readonly system: TestSystem;
  readonly commits: (readonly StoreOp[])[];
  readonly joinCommits: number;
  readonly joinOps: number;
}

/** A system whose ranks have joined at once, two a host; what that has written is counted. */
async function joined(count: number): Promise<Counted> {
  const commits: (readonly StoreOp[])[] = [];
  const system = await testSystem({
    async openStore(folder) {
      const store = await openSqliteStore({ dir: folder, addr: selfAddr });
      return {
        ...store,
        commit(ops) {
          commits.push(ops);
          return store.commit(ops);
        },
      };
    },
  });
  commits.length = 0;
  await Promise.all(
    Array.from({ length: count }, (_, n) => {
      const host = Math.floor(n / ranksPerHost) + 1;
      const ip = `10.0.${host >> 8}.${host & 0xff}`;
      return system.call(
        "join",
        joinRequest(n + 1, {
          addr: `${ip}:10001`,
          uri: `ofi+tcp://${ip}:${31_416 + (n % ranksPerHost)}`,
          srvFaultDomain: `/host${host}`,
          idx: n % ranksPerHost,
        }),
        `${ip}:40000`,
      );
    }),
  );
  const joinOps = commits.reduce((sum, ops) => sum + ops.length, 0);
  await until(() => lastMap(system)?.engines.length === count);
  return { system, commits, joinCommits: commits.length, joinOps };
}

function lastMap(system: TestSystem) {
  return system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema).at(-1);
}

const systems = new Map<number, Counted>();
beforeAll(async () => {
  for (const count of [small, large]) systems.set(count, await joined(count));
});
afterAll(async () => {
  for (const { system } of systems.values()) await system.close();
});

/** `cost` for each rank of the large system over that of the small one. */
async function growth(cost: (counted: Counted, count: number) => number | Promise<number>): Promise<number> {
  const perRank = async (count: number) => (await cost(systems.get(count)!, count)) / count;
  return (await perRank(large)) / (await perRank(small));
}

describe("for a rank of a large system, as for one of a small system", () => {
  test("joins that come together share their commits", async () => {
    expect(systems.get(large)!.joinCommits).toBeLessThanOrEqual(large / 16);
    expect(await growth(({ joinCommits }) => joinCommits)).toBeLessThan(1);
  });

  test("a join writes the same number of records", async () => {
    expect(systems.get(large)!.joinOps / large).toBeLessThan(3);
    expect(await growth(({ joinOps }) => joinOps)).toBeLessThan(1.1);
  });

  test("joins that come together share their group maps", async () => {
    const maps = ({ system }: Counted) =>
      system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema).length;
    expect(maps(systems.get(large)!)).toBeLessThanOrEqual(large / 16);
    expect(await growth(maps)).toBeLessThan(1);
  });

  test("a group map has the same number of bytes", async () => {
    const bytes = ({ system }: Counted) => toBinary(GroupUpdateReqSchema, lastMap(system)!).length;
    expect(await growth(bytes)).toBeLessThan(1.1);
  });

  test("the answers about all ranks have the same number of bytes", async () => {
    const members = async ({ system }: Counted) =>
      toBinary(SystemQueryRespSchema, await system.call("systemQuery")).length;
    const uris = async ({ system }: Counted) =>
      toBinary(GetAttachInfoRespSchema, await system.call("getAttachInfo", { allRanks: true })).length;
    expect(await growth(members)).toBeLessThan(1.1);
    expect(await growth(uris)).toBeLessThan(1.1);
    expect((await members(systems.get(large)!)) / large).toBeLessThan(200);
    expect((await uris(systems.get(large)!)) / large).toBeLessThan(50);
  });

  test("a stop calls each server twice, and writes each rank twice", async () => {
    for (const { system } of systems.values()) {
      const answer =
        (state: string) =>
        (host: string, { ranks }: RanksReq) => {
          expect(ranks).not.toBe("");
          const [, , third = 0, fourth = 0] = (host.split(":")[0] ?? "").split(".").map(Number);
          const first = (third * 256 + fourth - 1) * ranksPerHost;
          return { results: [first, first + 1].map((rank) => ({ rank, state })) };
        };
      system.peers.on("PrepShutdownRanks", answer("stopping"));
      system.peers.on("StopRanks", answer("stopped"));
    }
    const cost = async ({ system, commits }: Counted, count: number) => {
      const [before, asked] = [commits.length, system.peers.asked.length];
      const { results } = await system.call("systemStop");
      expect(results).toHaveLength(count);
      expect(system.peers.asked.length - asked).toBe((2 * count) / ranksPerHost);
      expect(commits.length - before).toBeLessThanOrEqual(4);
      return commits.slice(before).reduce((sum, ops) => sum + ops.length, 0);
    };
    expect(await growth(cost)).toBeLessThan(1.1);
  });
});

describe("an answer about all ranks", () => {
  /** What the transport sends, by name of the method. */
  const bytes = async (name: "systemQuery" | "getAttachInfo"): Promise<Uint8Array> => {
    const { system } = systems.get(large)!;
    const context: CallContext = {
      method: name,
      caller: "admin",
      peerAddr: "10.0.0.1:40000",
      signal: new AbortController().signal,
    };
    const all = { sys: "", ranks: "", hosts: "", stateMask: 0, allRanks: true };
    const answer = await system.management.service[name]!.handle(all as never, context);
    return name === "systemQuery"
      ? encodeAnswer(SystemQueryRespSchema, answer as never)
      : encodeAnswer(GetAttachInfoRespSchema, answer as never);
  };

  test.each(["systemQuery", "getAttachInfo"] as const)(
    "%s is encoded once until something changes",
    async (name) => {
      const first = await bytes(name);
      expect(await bytes(name)).toBe(first);
      await systems.get(large)!.system.call("systemSetAttr", { attributes: { [name]: "changed" } });
      expect(await bytes(name)).not.toBe(first);
    },
  );
});
