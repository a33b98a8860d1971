import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import {
  DrpcModule,
  drpcMethodName,
  MgmtMethod,
  SecAgentMethod,
  SecMethod,
  SrvMethod,
} from "../../src/drpc/methods.ts";

const rows = fs
  .readFileSync(path.join(import.meta.dir, "../reference/codes-2.6.tsv"), "utf8")
  .split("\n")
  .map((line) => line.split("\t"))
  .filter(([table]) => table?.startsWith("drpc "));

const tables: Record<string, [Record<string, number>, RegExp]> = {
  "drpc drpc_module": [DrpcModule, /^DRPC_MODULE_/],
  "drpc drpc_sec_agent_method": [SecAgentMethod, /^DRPC_METHOD_SEC_AGENT_/],
  "drpc drpc_mgmt_method": [MgmtMethod, /^DRPC_METHOD_MGMT_/],
  "drpc drpc_srv_method": [SrvMethod, /^DRPC_METHOD_(SRV_)?/],
  "drpc drpc_sec_method": [SecMethod, /^DRPC_METHOD_SEC_/],
};

describe("the dRPC module and method numbers", () => {
  for (const [table, [ours, prefix]] of Object.entries(tables)) {
    test(`are those of 2.6 in ${table.slice(5)}, no more and no fewer`, () => {
      const theirs = rows
        .filter((row) => row[0] === table)
        .map(([, number, name]) => [name!.replace(prefix, ""), Number(number)] as const);
      expect(theirs.length).toBeGreaterThan(0);
      expect(new Map(Object.entries(ours))).toEqual(new Map(theirs));
    });
  }

  test("have names for logs", () => {
    expect(drpcMethodName(DrpcModule.MGMT, MgmtMethod.SET_RANK)).toBe("MGMT:SET_RANK");
    expect(drpcMethodName(DrpcModule.SRV, 301)).toBe("SRV:NOTIFY_READY");
    expect(drpcMethodName(9, 7)).toBe("9:7");
  });
});
