import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { FaultCode } from "../../src/faults/codes.ts";
import { Fault } from "../../src/faults/fault.ts";
import { NotLeaderError, NotReplicaError, UninitializedError } from "../../src/faults/system.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { insecureTransport } from "../../src/security/tls.ts";
import type { RpcServer } from "../../src/services/serve.ts";
import { recordingLog, serve } from "./harness.ts";

let server: RpcServer;
const log = recordingLog();
let thrown: Error | undefined;
beforeAll(async () => {
  server = await serve(
    {
      leaderQuery: {
        roles: ["admin"],
        handle: (_request, context) => {
          if (thrown !== undefined) throw thrown;
          return { currentLeader: `${context.method} ${context.caller} ${context.peerAddr}` };
        },
      },
    },
    { log },
  );
});
afterAll(async () => {
  closeConnections();
  await server.close(100);
});

const options = { security: insecureTransport, timeoutMs: 5000, component: "admin" } as const;
const query = (sys: string) =>
  callUnary(MgmtSvc.method.leaderQuery, `127.0.0.1:${server.port}`, { sys }, options);

describe("what every call passes through", () => {
  test("a handler knows its method, its caller and where the call comes from", async () => {
    thrown = undefined;
    const { currentLeader } = await query("daos_server");
    expect(currentLeader).toMatch(/^\/mgmt\.MgmtSvc\/LeaderQuery admin 127\.0\.0\.1:\d+$/);
  });

  test("the system may be named with or without a version, and no other is served", async () => {
    thrown = undefined;
    await query("daos_server");
    await query("daos_server-2.6.0");
    for (const sys of ["", "daos", "daos_server-two", "other-2.6.0"]) {
      const error = await query(sys).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Fault);
      expect((error as Fault).code).toBe(FaultCode.ServerWrongSystem);
    }
  });

  test("one line says method, caller, peer, outcome and duration", async () => {
    thrown = undefined;
    log.lines.length = 0;
    await query("daos_server");
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(
      /^DEBUG rpc \/mgmt\.MgmtSvc\/LeaderQuery from admin at 127\.0\.0\.1:\d+: ok \(\d+\.\d ms\)$/,
    );
  });

  test("failures are errors in the log, except those by which callers find the leader", async () => {
    const levels: string[] = [];
    for (thrown of [
      new Error("broken"),
      new Fault("server", 600, "d"),
      new NotLeaderError("", []),
      new NotReplicaError([]),
      new UninitializedError(),
    ]) {
      log.lines.length = 0;
      await query("daos_server").catch(() => undefined);
      expect(log.lines).toHaveLength(1);
      expect(log.lines[0]).toContain(`failed: ${thrown.message}`);
      levels.push(log.lines[0]!.split(" ")[0]!);
    }
    expect(levels).toEqual(["ERROR", "ERROR", "DEBUG", "DEBUG", "DEBUG"]);
    thrown = undefined;
  });
});
