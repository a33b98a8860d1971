import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { MgmtMethod } from "../../../src/drpc/methods.ts";
import type { RanksReq } from "../../../src/gen/ctl/ranks_pb.ts";
import { GroupUpdateReqSchema } from "../../../src/gen/mgmt/svc_pb.ts";
import { parseRanks } from "../../../src/system/ranks.ts";
import { joinRequest, type TestSystem, testSystem, until } from "./support.ts";

/** Ranks by host of the system below: hosts 1 to 3, host 2 with two engines. */
const ranksOf: Record<string, number[]> = {
  "10.0.0.1:10001": [0],
  "10.0.0.2:10001": [1, 3],
  "10.0.0.3:10001": [2],
};

describe("ranks", () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await testSystem();
    await system.joinMany(3);
    await system.call("join", joinRequest(20, { addr: "10.0.0.2:10001", idx: 1 }));
    for (const [name, state, msg] of [
      ["PrepShutdownRanks", "stopping", ""],
      ["StopRanks", "stopped", "system stop"],
      ["StartRanks", "ready", "system start"],
      ["ResetFormatRanks", "awaitformat", ""],
    ] as const) {
      answer(name, () => ({ state, msg }));
    }
  });
  afterEach(() => system.close());

  type Outcome = { state: string; msg?: string; errored?: boolean };
  /** Every server answers for its own ranks among those asked for. */
  function answer(name: string, outcome: (rank: number) => Outcome): void {
    system.peers.on(name, (host, request: RanksReq) => ({
      results: parseRanks(request.ranks)
        .filter((rank) => ranksOf[host]?.includes(rank))
        .map((rank) => ({ rank, ...outcome(rank) })),
    }));
  }
  const states = async () =>
    Object.fromEntries((await system.call("systemQuery")).members.map(({ rank, state }) => [rank, state]));
  const asked = (name: string) =>
    system.peers.asked.filter((call) => call.name === name).map(({ host }) => host);

  describe("SystemStop", () => {
    test("of all ranks lets them prepare, then stops them", async () => {
      const { results } = await system.call("systemStop");
      expect(asked("PrepShutdownRanks")).toEqual(Object.keys(ranksOf));
      expect(asked("StopRanks")).toEqual(Object.keys(ranksOf));
      expect(
        results.map(({ rank, action, state, msg, addr }) => ({ rank, action, state, msg, addr })),
      ).toEqual(
        [
          ["10.0.0.1:10001", 0],
          ["10.0.0.2:10001", 1],
          ["10.0.0.3:10001", 2],
          ["10.0.0.2:10001", 3],
        ].map(([addr, rank]) => ({
          rank,
          action: "stop",
          state: "stopped",
          msg: "system stop",
          addr,
        })) as never,
      );
      const [member] = (await system.call("systemQuery")).members;
      expect(member).toMatchObject({ state: "stopped", info: "system stop" });
    });

    test("forced, or of some ranks, does not prepare", async () => {
      await system.call("systemStop", { ranks: "1-2" });
      expect(await states()).toEqual({ 0: "joined", 1: "stopped", 2: "stopped", 3: "joined" });
      await system.call("systemStop", { force: true });
      expect(asked("PrepShutdownRanks")).toEqual([]);
      const requests = system.peers.asked.map(({ request }) => request as RanksReq);
      expect(requests.map(({ ranks, force }) => [ranks, force])).toEqual([
        ["1-2", false],
        ["1-2", false],
        ["0-3", true],
        ["0-3", true],
        ["0-3", true],
      ]);
    });

    test("stops nothing when a rank could not prepare, and says so in an event", async () => {
      answer("PrepShutdownRanks", (rank) =>
        rank === 2 ? { state: "errored", errored: true, msg: "no" } : { state: "stopping" },
      );
      const { results } = await system.call("systemStop");
      expect(results.map(({ action }) => action)).toEqual(Array(4).fill("prep shutdown"));
      expect(results[2]).toMatchObject({ errored: true, msg: "no", state: "errored" });
      expect(asked("StopRanks")).toEqual([]);
      expect(await states()).toEqual({ 0: "stopping", 1: "stopping", 2: "errored", 3: "stopping" });
      await until(() => system.log.some((line) => line.includes("[system_stop_failed]")));
      expect(system.log.join("\n")).toContain(
        'System shutdown failed during "prep shutdown" action, failed rank 2',
      );
    });

    test("keeps what the others answered when a server does not", async () => {
      system.peers.on("StopRanks", (host, request: RanksReq) => {
        if (host === "10.0.0.2:10001") throw new Error("connection refused");
        return { results: parseRanks(request.ranks).map((rank) => ({ rank, state: "stopped" })) };
      });
      const { results } = await system.call("systemStop", { force: true });
      expect(results.map(({ rank, state, errored }) => [rank, state, errored])).toEqual([
        [0, "stopped", false],
        [1, "unresponsive", true],
        [2, "stopped", false],
        [3, "unresponsive", true],
      ]);
      expect(results[1]?.msg).toContain("connection refused");
      expect((await states())[3]).toBe("unresponsive");
    });

    test("names ranks and hosts that do not exist", async () => {
      expect(await system.call("systemStop", { ranks: "0,8-9" })).toMatchObject({ absentranks: "8-9" });
      expect(await system.call("systemStop", { hosts: "10.0.0.3,nohost" })).toMatchObject({
        absenthosts: "nohost",
      });
      expect(await states()).toEqual({ 0: "stopped", 1: "joined", 2: "stopped", 3: "joined" });
      expect(await system.call("systemStop", { ranks: "8" })).toMatchObject({ results: [] });
    });

    test("does not let a report move a member where it may not go", async () => {
      await system.call("systemExclude", { ranks: "3" });
      await system.call("systemStop", { force: true });
      expect((await states())[3]).toBe("adminexcluded");
    });
  });

  describe("SystemStart", () => {
    test("starts ranks on their servers; they are Ready until they join", async () => {
      await system.call("systemStop");
      const { results } = await system.call("systemStart");
      expect(results.map(({ action, state }) => [action, state])).toEqual(Array(4).fill(["start", "ready"]));
      expect((await states())[0]).toBe("ready");
      await system.call("join", joinRequest(1, { rank: 0 }));
      expect((await states())[0]).toBe("joined");
    });

    test("leaves a rank Joined that has joined before its start was reported", async () => {
      const { results } = await system.call("systemStart");
      expect(results[0]?.state).toBe("ready");
      expect((await states())[0]).toBe("joined");
    });

    test("tells of ranks that could not be started", async () => {
      await system.call("systemStop");
      answer("StartRanks", (rank) => ({ state: "errored", errored: rank > 1, msg: "failed to start" }));
      await system.call("systemStart");
      await until(() => system.log.some((line) => line.includes("System startup failed, failed ranks 2-3")));
    });
  });

  describe("SystemExclude", () => {
    test("excludes, tells the engines, and clears", async () => {
      await until(() => system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema).length > 0);
      const { results } = await system.call("systemExclude", { hosts: "10.0.0.2" });
      expect(results.map(({ rank, action, state, addr }) => ({ rank, action, state, addr }))).toEqual(
        [1, 3].map((rank) => ({
          rank,
          action: "set admin-excluded state",
          state: "adminexcluded",
          addr: "10.0.0.2:10001",
        })),
      );
      await until(
        () =>
          system.engine.requests(MgmtMethod.GROUP_UPDATE, GroupUpdateReqSchema).at(-1)?.engines.length === 2,
      );
      const cleared = await system.call("systemExclude", { ranks: "1", clear: true });
      expect(cleared.results[0]).toMatchObject({ action: "clear admin-excluded state", state: "excluded" });
    });

    test("changes nothing when a rank or a host does not exist, or none is named", async () => {
      await expect(system.call("systemExclude", { ranks: "0,7" })).rejects.toThrow("invalid rank(s): 7");
      await expect(system.call("systemExclude", { hosts: "nohost" })).rejects.toThrow(
        "invalid host(s): nohost",
      );
      await expect(system.call("systemExclude")).rejects.toThrow("no hosts or ranks specified");
      expect(Object.values(await states())).toEqual(Array(4).fill("joined"));
    });
  });

  describe("SystemErase", () => {
    test("resets every rank, then removes the database; the system waits for format", async () => {
      const { results } = await system.call("systemErase");
      expect(results.map(({ action, state }) => [action, state])).toEqual(
        Array(4).fill(["reset format", "awaitformat"]),
      );
      expect(existsSync(system.dir)).toBe(false);
      await expect(system.call("systemQuery")).rejects.toThrow("system is uninitialized");
      await system.management.start({ dir: system.dir });
      expect((await system.call("join", joinRequest(1))).rank).toBe(0);
    });

    test("keeps the database when a rank could not be reset", async () => {
      answer("ResetFormatRanks", (rank) =>
        rank === 1 ? { state: "errored", errored: true, msg: "running" } : { state: "awaitformat" },
      );
      const { results } = await system.call("systemErase");
      expect(results[1]).toMatchObject({ errored: true, msg: "running" });
      expect(await states()).toEqual({ 0: "awaitformat", 1: "joined", 2: "awaitformat", 3: "awaitformat" });
    });
  });
});
