import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { MemberState } from "../../../src/system/types.ts";
import { joinRequest, selfAddr, type TestSystem, testSystem } from "./support.ts";

describe("before the system exists", () => {
  test("a replica says that it is uninitialized, and still answers LeaderQuery", async () => {
    const system = await testSystem({ started: false });
    await expect(system.call("systemQuery")).rejects.toThrow(
      "system is uninitialized (storage format required?)",
    );
    const { currentLeader, replicas } = await system.call("leaderQuery");
    expect({ currentLeader, replicas }).toEqual({ currentLeader: "", replicas: [selfAddr] });
    await system.close();
  });

  test("a server without a replica names those that have one", async () => {
    const system = await testSystem({ started: false, replicas: ["10.0.0.9:10001"] });
    for (const name of ["systemQuery", "leaderQuery", "getAttachInfo", "listPools"] as const) {
      await expect(system.call(name)).rejects.toMatchObject({
        name: "NotReplicaError",
        replicas: ["10.0.0.9:10001"],
      });
    }
    await system.close();
  });

  test("an empty system sends the caller to another replica", async () => {
    const system = await testSystem();
    await expect(system.call("systemQuery")).rejects.toMatchObject({ name: "UnavailableError" });
    await system.close();
  });
});

describe("queries", () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await testSystem();
    await system.joinMany(4);
    await system.call("join", joinRequest(20, { addr: "10.0.0.2:10001", idx: 1 }));
  });
  afterEach(() => system.close());

  test("LeaderQuery names this server", async () => {
    expect((await system.call("leaderQuery")).currentLeader).toBe(selfAddr);
  });

  test("SystemQuery answers all members in order of rank", async () => {
    const answer = await system.call("systemQuery");
    expect(answer.members.map(({ rank }) => rank)).toEqual([0, 1, 2, 3, 4]);
    expect(answer.providers).toEqual(["ofi+tcp"]);
    expect(answer.dataVersion).toBeGreaterThan(0n);
    expect(answer.members[0]).toMatchObject({
      addr: "10.0.0.1:10001",
      state: "joined",
      faultDomain: "/host1",
      fabricContexts: 3,
      incarnation: 1001n,
      info: "",
    });
  });

  test("SystemQuery picks ranks and names those that do not exist", async () => {
    const answer = await system.call("systemQuery", { ranks: "0-1,7,9-10" });
    expect(answer.members.map(({ rank }) => rank)).toEqual([0, 1]);
    expect(answer.absentranks).toBe("7,9-10");
  });

  test("SystemQuery picks hosts and names those that do not exist", async () => {
    const answer = await system.call("systemQuery", { hosts: "10.0.0.[2-3],10.0.0.[77-78],nohost" });
    expect(answer.members.map(({ addr }) => addr).sort()).toEqual([
      "10.0.0.2:10001",
      "10.0.0.2:10001",
      "10.0.0.3:10001",
    ]);
    expect(answer.absenthosts).toBe("10.0.0.[77-78],nohost");
  });

  test("SystemQuery filters by state", async () => {
    await system.call("systemExclude", { ranks: "3" });
    const excluded = await system.call("systemQuery", { stateMask: MemberState.AdminExcluded });
    expect(excluded.members.map(({ rank, state }) => ({ rank, state }))).toEqual([
      { rank: 3, state: "adminexcluded" },
    ]);
    const others = await system.call("systemQuery", { stateMask: 0xffff ^ MemberState.AdminExcluded });
    expect(others.members.map(({ rank }) => rank)).toEqual([0, 1, 2, 4]);
  });

  test("SystemQuery refuses ranks together with hosts, and what is no rank set", async () => {
    await expect(system.call("systemQuery", { ranks: "0", hosts: "a" })).rejects.toThrow(
      "cannot both be set",
    );
    await expect(system.call("systemQuery", { ranks: "0-x" })).rejects.toThrow("alphabetic");
  });

  test("GetAttachInfo gives ranks on replicas, or all of them when asked", async () => {
    const few = await system.call("getAttachInfo");
    expect(few.rankUris.map(({ rank, uri, numCtxs }) => ({ rank, uri, numCtxs }))).toEqual([
      { rank: 0, uri: "ofi+tcp://10.0.0.1:31416", numCtxs: 3 },
    ]);
    expect(few.msRanks).toEqual([0]);
    expect(few.sys).toBe("daos_server");
    expect(few.clientNetHint).toMatchObject({ provider: "ofi+tcp", crtTimeout: 30 });
    const all = await system.call("getAttachInfo", { allRanks: true });
    expect(all.rankUris.map(({ rank }) => rank)).toEqual([0, 1, 2, 3, 4]);
    expect(all.dataVersion).toBe((await system.call("systemQuery")).dataVersion);
  });

  test("GetAttachInfo leaves excluded ranks out", async () => {
    await system.call("systemExclude", { ranks: "1-4" });
    const all = await system.call("getAttachInfo", { allRanks: true });
    expect(all.rankUris.map(({ rank }) => rank)).toEqual([0]);
    await system.call("systemExclude", { ranks: "0" });
    await expect(system.call("getAttachInfo")).rejects.toThrow("empty group map (all ranks excluded?)");
  });

  test("GetAttachInfo needs a hint for each fabric address of a rank", async () => {
    await system.call("join", joinRequest(9, { secondaryUris: ["ofi+verbs://x:1"], secondaryNctxs: [2] }));
    await expect(system.call("getAttachInfo", { allRanks: true })).rejects.toThrow(
      "not enough client network hints",
    );
  });
});
