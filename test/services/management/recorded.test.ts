import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { DrpcModule, MgmtMethod, SrvMethod } from "../../../src/drpc/methods.ts";
import { CallSchema, ResponseSchema } from "../../../src/gen/drpc_pb.ts";
import { ACLRespSchema, GetACLReqSchema } from "../../../src/gen/mgmt/acl_pb.ts";
import * as pb from "../../../src/gen/mgmt/pool_pb.ts";
import { GroupUpdateReqSchema } from "../../../src/gen/mgmt/svc_pb.ts";
import { joinRequest, type TestSystem, testSystem, until } from "./support.ts";

/** Packets recorded between a server and an engine of DAOS 2.6.0, one rank. */
interface Packet {
  readonly from: "server" | "engine";
  readonly kind: "call" | "response";
  readonly method?: number;
  readonly frame: string;
}

const file = join(import.meta.dirname, "../../reference/drpc-2.6.jsonl");
const packets = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Packet);

/** The nth recorded call of a method: what was asked, and what was answered. */
function recorded(method: number, nth = 0): { readonly asked: Uint8Array; readonly answered: Uint8Array } {
  const at = packets.flatMap((packet, index) => (packet.method === method ? [index] : []))[nth];
  if (at === undefined) throw new Error(`no recorded call of method ${method}`);
  const from = packets[at]!.from === "server" ? "engine" : "server";
  const answer = packets.slice(at).find((packet) => packet.kind === "response" && packet.from === from);
  return {
    asked: fromBinary(CallSchema, Buffer.from(packets[at]!.frame, "hex")).body,
    answered: fromBinary(ResponseSchema, Buffer.from(answer!.frame, "hex")).body,
  };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("engines are asked as by 2.6.0", () => {
  let system: TestSystem;
  const create = fromBinary(pb.PoolCreateReqSchema, recorded(MgmtMethod.POOL_CREATE).asked);
  const { sys, uuid } = create;
  beforeAll(async () => {
    system = await testSystem({ engine: { targetCount: 1, hasNvme: false, hasMetaRole: false } });
    const [engine] = fromBinary(GroupUpdateReqSchema, recorded(MgmtMethod.GROUP_UPDATE).asked).engines;
    const { uri, incarnation } = engine!;
    await system.call("join", joinRequest(1, { uri, incarnation, srvFaultDomain: "/vm" }));
    for (const method of [MgmtMethod.POOL_CREATE, MgmtMethod.POOL_GET_ACL]) {
      system.engine.answerBytes(method, recorded(method).answered);
    }
  });
  afterAll(() => system.close());

  /** The last call of a method that our engine has got, in hexadecimal. */
  const sent = (method: number) => hex(system.engine.calls.findLast((call) => call.method === method)!.body);

  test("to take a group map", async () => {
    await until(() => system.engine.calls.some(({ method }) => method === MgmtMethod.GROUP_UPDATE));
    const ours = fromBinary(GroupUpdateReqSchema, Buffer.from(sent(MgmtMethod.GROUP_UPDATE), "hex"));
    const theirs = fromBinary(GroupUpdateReqSchema, recorded(MgmtMethod.GROUP_UPDATE).asked);
    expect(ours.engines).toEqual(theirs.engines);
  });

  test("to create a pool, byte for byte", async () => {
    const answer = await system.call("poolCreate", {
      uuid,
      sys,
      user: create.user,
      usergroup: create.usergroup,
      properties: create.properties.filter(({ number }) => number === 1),
      tierbytes: create.tierbytes,
    });
    expect(sent(MgmtMethod.POOL_CREATE)).toBe(hex(recorded(MgmtMethod.POOL_CREATE).asked));
    expect(answer).toMatchObject({ svcLdr: 0, svcReps: [0], tgtRanks: [0], tierBytes: [512_000_000n, 0n] });
  });

  test("about a pool, byte for byte", async () => {
    const { properties } = fromBinary(pb.PoolSetPropReqSchema, recorded(MgmtMethod.POOL_SET_PROP).asked);
    await system.call("poolSetProp", { sys, id: "cap", properties });
    expect(sent(MgmtMethod.POOL_SET_PROP)).toBe(hex(recorded(MgmtMethod.POOL_SET_PROP).asked));
    await system.call("poolGetProp", { sys, id: "cap", properties: [{ number: 1 }] });
    expect(sent(MgmtMethod.POOL_GET_PROP)).toBe(hex(recorded(MgmtMethod.POOL_GET_PROP).asked));
    await system.call("listContainers", { sys, id: "cap" });
    expect(sent(MgmtMethod.LIST_CONTAINERS)).toBe(hex(recorded(MgmtMethod.LIST_CONTAINERS).asked));
    const acl = await system.call("poolGetACL", { sys, id: "cap" });
    expect(sent(MgmtMethod.POOL_GET_ACL)).toBe(hex(recorded(MgmtMethod.POOL_GET_ACL).asked));
    expect(acl).toEqual(fromBinary(ACLRespSchema, recorded(MgmtMethod.POOL_GET_ACL).answered));
    expect(fromBinary(GetACLReqSchema, recorded(MgmtMethod.POOL_GET_ACL).asked).id).toBe(uuid);
    await system.call("poolQuery", { sys, id: "cap" });
    const query = fromBinary(pb.PoolQueryReqSchema, recorded(MgmtMethod.POOL_QUERY).asked);
    const [ours] = system.engine.requests(MgmtMethod.POOL_QUERY, pb.PoolQueryReqSchema);
    expect({ ...ours, id: "" }).toEqual({ ...query, id: "" });
  });

  test("and are answered as by 2.6.0", async () => {
    const drpc = system.management.drpc[DrpcModule.SRV]!;
    const session = { id: 1, peer: { pid: 1, uid: 0, gid: 0 }, signal: new AbortController().signal };
    for (const method of [SrvMethod.POOL_FIND_BYLABEL, SrvMethod.CLUSTER_EVENT]) {
      const { asked, answered } = recorded(method);
      expect(hex(await drpc[method]!(asked, session))).toBe(hex(answered));
    }
  });
});
