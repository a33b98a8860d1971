import { afterEach, describe, expect, test } from "bun:test";
import { ManagementUnreachableError } from "../../src/client/connection-errors.ts";
import { invokeLeader, invokeLeaderCounting } from "../../src/client/leader.ts";
import { unary } from "../../src/client/unary.ts";
import { Fault, isFault } from "../../src/faults/fault.ts";
import {
  NotLeaderError,
  NotReplicaError,
  PoolNotFoundError,
  UnavailableError,
  UninitializedError,
} from "../../src/faults/system.ts";
import { LeaderQueryReqSchema, LeaderQueryRespSchema } from "../../src/gen/mgmt/svc_pb.ts";
import { SystemQueryReqSchema, SystemQueryRespSchema } from "../../src/gen/mgmt/system_pb.ts";
import { clientContext, deadAddress, type FakeServer, fakeServer } from "./fake-servers.ts";

const leaderQuery = unary("mgmt.MgmtSvc", "LeaderQuery", LeaderQueryReqSchema, LeaderQueryRespSchema);
const systemQuery = unary("mgmt.MgmtSvc", "SystemQuery", SystemQueryReqSchema, SystemQueryRespSchema);
const request = { sys: clientContext.sys };

const servers: FakeServer[] = [];

async function replica(answer: () => object | Promise<object>): Promise<FakeServer> {
  const server = await fakeServer({ mgmt: { leaderQuery: answer, systemQuery: answer } });
  servers.push(server);
  return server;
}

function fails(error: () => Error): () => never {
  return () => {
    throw error();
  };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("a request for the leader", () => {
  test("follows the hint of a replica that does not lead", async () => {
    const leader = await replica(() => ({ currentLeader: "me" }));
    const follower = await replica(fails(() => new NotLeaderError(leader.address, [leader.address])));
    const answer = await invokeLeaderCounting(leaderQuery, [follower.address], request, clientContext);
    expect(answer.value.currentLeader).toBe("me");
    expect(answer.retries).toBe(1);
  });

  test("goes to all replicas when there is no hint, as during an election", async () => {
    const leader = await replica(() => ({ currentLeader: "me" }));
    const follower: FakeServer = await replica(
      fails(() => new NotLeaderError("", [follower.address, leader.address])),
    );
    const answer = await invokeLeader(leaderQuery, [follower.address], request, clientContext);
    expect(answer.currentLeader).toBe("me");
  });

  test("learns the replicas from a server that is none", async () => {
    const leader = await replica(() => ({ currentLeader: "me" }));
    const other = await replica(fails(() => new NotReplicaError([leader.address])));
    const answer = await invokeLeader(leaderQuery, [other.address], request, clientContext);
    expect(answer.currentLeader).toBe("me");
  });

  test("waits for a replica that is starting", async () => {
    let asked = 0;
    const leader = await replica(() => {
      if (++asked < 3) throw new UnavailableError();
      return { currentLeader: "me" };
    });
    const answer = await invokeLeaderCounting(leaderQuery, [leader.address], request, clientContext);
    expect(answer.retries).toBe(2);
  });

  test("does not wait for a system that is not formatted, unless told to", async () => {
    let asked = 0;
    const leader = await replica(() => {
      if (++asked === 1) throw new UninitializedError();
      return { currentLeader: "me" };
    });
    const ask = (canRetry?: (error: unknown) => boolean) =>
      invokeLeader(leaderQuery, [leader.address], request, clientContext, { canRetry });
    await expect(ask()).rejects.toThrow("system is uninitialized");
    asked = 0;
    const answer = await ask((error) => error instanceof UninitializedError);
    expect(answer.currentLeader).toBe("me");
  });

  test("gives the leader's error as it was thrown", async () => {
    const fault = new Fault("pool", 402, "locked", "wait");
    const leader = await replica(fails(() => fault));
    const error = await invokeLeader(leaderQuery, [leader.address], request, clientContext).catch(
      (thrown: unknown) => thrown,
    );
    expect(isFault(error, 402)).toBe(true);
    expect((error as Fault).resolution).toBe("wait");
  });

  test("prefers what the leader says over what followers say", async () => {
    const leader = await replica(fails(() => new PoolNotFoundError('label "x"')));
    const follower = await replica(fails(() => new NotLeaderError(leader.address, [leader.address])));
    const dead = await deadAddress();
    const hosts = [follower.address, leader.address, dead];
    await expect(invokeLeader(leaderQuery, hosts, request, clientContext)).rejects.toThrow(PoolNotFoundError);
  });

  test("says so when nobody can be reached", async () => {
    const error = await invokeLeader(leaderQuery, [await deadAddress()], request, clientContext).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ManagementUnreachableError);
    expect(String(error)).toContain("unable to contact the DAOS Management Service");
  });

  test("takes the first answer although another server is dead", async () => {
    const leader = await replica(() => ({ currentLeader: "me" }));
    const answer = await invokeLeader(
      leaderQuery,
      [await deadAddress(), leader.address],
      request,
      clientContext,
    );
    expect(answer.currentLeader).toBe("me");
  });

  test("takes the freshest of several answers that carry a version", async () => {
    const stale = await replica(() => ({ dataVersion: 3n, providers: ["old"] }));
    const fresh = await replica(() => ({ dataVersion: 7n, providers: ["new"] }));
    const answer = await invokeLeader(systemQuery, [stale.address, fresh.address], request, clientContext);
    expect(answer.providers).toEqual(["new"]);
  });

  test("finds the new leader when the one it was sent to is gone", async () => {
    const gone = await deadAddress();
    const leader = await replica(() => ({ currentLeader: "me" }));
    let hints = 0;
    const follower = await replica(
      fails(() => new NotLeaderError(++hints === 1 ? gone : leader.address, [gone, leader.address])),
    );
    const answer = await invokeLeader(leaderQuery, [follower.address], request, clientContext);
    expect(answer.currentLeader).toBe("me");
  });

  test("ends at its deadline with a fault that says how long it took", async () => {
    const follower: FakeServer = await replica(fails(() => new NotLeaderError("", [])));
    const error = await invokeLeader(leaderQuery, [follower.address], request, {
      ...clientContext,
      timeoutMs: 300,
    }).catch((thrown: unknown) => thrown);
    expect(isFault(error, 510)).toBe(true);
    expect(String(error)).toContain("LeaderQuery");
  });

  test("ends when it is aborted", async () => {
    const abort = new AbortController();
    const follower: FakeServer = await replica(fails(() => new NotLeaderError("", [])));
    const asking = invokeLeader(leaderQuery, [follower.address], request, {
      ...clientContext,
      signal: abort.signal,
    });
    abort.abort(new Error("interrupted"));
    await expect(asking).rejects.toThrow();
    await asking.catch(() => {});
  });

  test("of nobody is refused", async () => {
    await expect(invokeLeader(leaderQuery, [], request, clientContext)).rejects.toThrow("hostlist");
  });

  test("asks at most five of many servers at first", async () => {
    let asked = 0;
    const many = await Promise.all(
      Array.from({ length: 8 }, () =>
        replica(() => {
          asked++;
          return { currentLeader: "me" };
        }),
      ),
    );
    await invokeLeader(
      leaderQuery,
      many.map((server) => server.address),
      request,
      clientContext,
    );
    expect(asked).toBeLessThanOrEqual(5);
    expect(asked).toBeGreaterThan(0);
  });
});
