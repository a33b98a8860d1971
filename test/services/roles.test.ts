import { describe, expect, test } from "bun:test";
import type { DescService } from "@bufbuild/protobuf";
import { CtlSvc } from "../../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { type ControlDeps, createControlService } from "../../src/services/control/index.ts";
import { createManagement, type ManagementDeps } from "../../src/services/management/index.ts";
import { type RpcService, rpcService } from "../../src/services/service.ts";

/** The `authorized` rows: which components may call which method, by path. */
const text = await Bun.file(new URL("../reference/codes-2.6.tsv", import.meta.url)).text();
const authorized = new Map(
  text
    .trim()
    .split("\n")
    .map((line) => line.split("\t"))
    .filter((row) => row[0] === "authorized")
    .map(([, roles, path]) => [path!, roles!.split(",").sort()] as const),
);

/** The services as a server has them; no handler is called, so what they work with may be empty. */
function services(): RpcService[] {
  const control = createControlService({ log: silentLogger } as ControlDeps);
  const management = createManagement({
    systemName: "daos_server",
    version: "2.6.0",
    replicas: ["127.0.0.1:10001"],
    selfAddr: "127.0.0.1:10001",
    hostname: "here",
    log: silentLogger,
    clientNetHints: [{}],
    now: () => new Date(),
  } as unknown as ManagementDeps);
  return [rpcService(CtlSvc, control.service), rpcService(MgmtSvc, management.service)];
}

describe("who may call what", () => {
  const methods = services().flatMap((service) => [...service.methods.values()]);

  test("is written beside every method that is served, as 2.6 has it", () => {
    expect(methods.length).toBeGreaterThan(20);
    for (const method of methods) {
      const expected = authorized.get(method.path);
      expect({ path: method.path, roles: [...method.roles].sort() as string[] }).toEqual({
        path: method.path,
        roles: expected ?? ["(not in 2.6's table)"],
      });
    }
  });

  test("is known for every method of the contract, but for those 2.6 itself lets nobody call", () => {
    const missing = [CtlSvc, MgmtSvc].flatMap((service: DescService) =>
      service.methods
        .map((method) => `/${service.typeName}/${method.name}`)
        .filter((path) => !authorized.has(path)),
    );
    expect(missing).toEqual([]);
  });

  test("must not be empty", () => {
    const impl = { leaderQuery: { roles: [], handle: () => ({}) } };
    expect(() => rpcService(MgmtSvc, impl)).toThrow("/mgmt.MgmtSvc/LeaderQuery: no component may call it");
  });
});
