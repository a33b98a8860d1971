import { afterAll, expect, test } from "bun:test";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { FaultCode } from "../../src/faults/codes.ts";
import type { Fault } from "../../src/faults/fault.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { testAuthority } from "../security/authority.ts";
import { waitFor } from "../support/wait.ts";
import { recordingLog, serve } from "./harness.ts";

afterAll(closeConnections);

test("a certificate that ends while its connection stands is refused from then on", async () => {
  const log = recordingLog();
  const ca = await testAuthority();
  const server = await serve(
    { leaderQuery: { roles: ["admin"], handle: () => ({ currentLeader: "x" }) } },
    { transport: await ca.transport("server"), log },
  );
  const endMs = Math.ceil((Date.now() + 600) / 1000) * 1000;
  const day = 86_400_000;
  const security = await ca.transport("admin", { notBefore: new Date(endMs - day), days: 1 });
  const query = () =>
    callUnary(
      MgmtSvc.method.leaderQuery,
      `127.0.0.1:${server.port}`,
      { sys: "daos_server" },
      { security, timeoutMs: 5000, component: "admin" },
    );
  expect((await query()).currentLeader).toBe("x");
  const fault = await waitFor("the certificate to end", () =>
    query().then(
      () => undefined,
      (error: unknown) => error as Fault,
    ),
  );
  expect(fault.code).toBe(FaultCode.SecurityInvalidCert);
  expect(fault.reason).toContain("certificate has expired");
  expect(server.stats.connections).toBe(1);
  expect(log.lines.at(-1)).toContain("ERROR rpc /mgmt.MgmtSvc/LeaderQuery from admin");
  closeConnections();
  await server.close(100);
});
