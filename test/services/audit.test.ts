import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { create } from "@bufbuild/protobuf";
import { callUnary, closeConnections } from "../../src/client/transport.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import { PoolDestroyReqSchema } from "../../src/gen/mgmt/pool_pb.ts";
import { TokenCreateReqSchema } from "../../src/gen/token/token_pb.ts";
import { changesSomething, oneLine, quoted, subjectOf } from "../../src/services/audit.ts";
import type { RpcMethod } from "../../src/services/service.ts";
import { testAuthority } from "../security/authority.ts";
import { failureOf } from "../support/wait.ts";
import { recordingLog, serve } from "./harness.ts";

const ca = await testAuthority();

async function withServer(work: (context: { call: Call; lines: () => string[] }) => Promise<void>) {
  const log = recordingLog();
  const server = await serve(
    {
      leaderQuery: { roles: ["admin"], handle: () => ({ currentLeader: "here" }) },
      poolDestroy: {
        roles: ["admin"],
        handle({ id }) {
          if (id === "bad") throw new Error("no such\npool\u0007");
          return {};
        },
      },
    },
    { transport: await ca.transport("server"), log },
  );
  const security = await ca.transport("admin", { node: "desk" });
  const call: Call = (method, request) =>
    callUnary(method as never, `127.0.0.1:${server.port}`, request as never, {
      security,
      timeoutMs: 5000,
      component: "admin",
    });
  await work({ call, lines: () => log.lines.filter((line) => line.includes("audit:")) });
  closeConnections();
  await server.close(0);
}
type Call = (method: unknown, request: object) => Promise<unknown>;

describe("the audit line of a call", () => {
  test("says who, from where, of what, and how it ended: one line", async () => {
    await withServer(async ({ call, lines }) => {
      await call(MgmtSvc.method.poolDestroy, { sys: "daos_server", id: "tank", force: true });
      expect(lines()).toHaveLength(1);
      expect(lines()[0]).toMatch(
        /^NOTICE audit: rpc \/mgmt\.MgmtSvc\/PoolDestroy from admin of node desk at 127\.0\.0\.1:\d+: id="tank" force=true ok \(/,
      );
    });
  });

  test("is written for a failure too, and stays one line whatever the error says", async () => {
    await withServer(async ({ call, lines }) => {
      await failureOf(call(MgmtSvc.method.poolDestroy, { sys: "daos_server", id: "bad" }));
      expect(lines()).toHaveLength(1);
      expect(lines()[0]).toContain("failed: no such\\u000apool\\u0007");
      expect(lines()[0]).not.toContain("\n");
    });
  });

  test("is not written for a call that only reads", async () => {
    await withServer(async ({ call, lines }) => {
      await call(MgmtSvc.method.leaderQuery, { sys: "daos_server" });
      expect(lines()).toEqual([]);
    });
  });

  test("holds no secret, and nothing that begins a new line", () => {
    const request = create(TokenCreateReqSchema, {
      id: "abc",
      secretHash: Buffer.from("topsecret"),
      component: "agent",
      seconds: 60,
    });
    expect(subjectOf(request)).toBe(' id="abc" component="agent" seconds=60');
    expect(subjectOf(create(PoolDestroyReqSchema, { id: "a\nERROR forged" }))).toBe(' id="a\\nERROR forged"');
    expect(quoted("x".repeat(1000)).length).toBeLessThan(200);
    expect(oneLine("a\r\nb\u2028c")).toBe("a\\u000d\\u000ab\\u2028c");
  });

  test("is the rule: what only reads is named, and every name is of a method there is", () => {
    const protos = path.resolve(import.meta.dirname, "..", "..", "proto");
    const paths = new Set<string>();
    for (const file of readdirSync(protos, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".proto")) continue;
      const text = readFileSync(path.join(protos, file), "utf8");
      const unit = /^package (\S+);/m.exec(text)?.[1] ?? "";
      for (const [, service, body] of text.matchAll(/^service (\w+) \{([\s\S]*?)^\}/gm)) {
        for (const [, method] of (body ?? "").matchAll(/^\s*rpc (\w+)/gm))
          paths.add(`/${unit}.${service}/${method}`);
      }
    }
    const reading = [...paths].filter((p) => !changesSomething({ path: p } as RpcMethod));
    expect(reading.length).toBe(20);
    const verbs = /(Query|Get|List|Scan|State|Collect)/;
    expect(reading.filter((p) => !verbs.test(p))).toEqual([]);
    expect(changesSomething({ path: "/mgmt.MgmtSvc/NotYetKnown" } as RpcMethod)).toBe(true);
  });
});
