import { expect, test } from "bun:test";
import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { DrpcModule, MgmtMethod } from "../../../src/drpc/methods.ts";
import { MgmtSvc } from "../../../src/gen/mgmt/mgmt_pb.ts";
import { PoolCreateReqSchema, PoolCreateRespSchema } from "../../../src/gen/mgmt/pool_pb.ts";
import { ClusterEventReqSchema } from "../../../src/gen/shared/event_pb.ts";
import * as srv from "../../../src/gen/srv/srv_pb.ts";
import { createRequest, type TestSystem, testSystem, testUuid, until } from "./support.ts";

/** Texts that mean something somewhere, beside any others. */
const text = fc.oneof(
  fc.constantFrom(
    "",
    "daos_server",
    "0-3",
    "1",
    "9-4",
    "10.0.0.[1-2]",
    "10.0.0.1:10001",
    "0.0.0.0:1",
    "pool1",
  ),
  fc.constantFrom(testUuid(1), testUuid(2), testUuid(50), "ofi+tcp://10.0.0.1:1", "/host1", "/a/b", "true"),
  fc.constantFrom("mgmt.checker_enabled", "prop.pool_scrub_mode", "pool_scrub_mode", "lazy", "a".repeat(500)),
  fc.string({ unit: "grapheme", maxLength: 12 }),
);
const whole32 = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(0xffff_ffff, 0xffff_fffe, 1 << 30));
const whole64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 100n }),
  fc.constantFrom(1n << 30n, 1n << 40n, (1n << 64n) - 1n),
);

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.UINT32:
      return whole32;
    case ScalarType.INT32:
      return fc.integer();
    case ScalarType.UINT64:
      return whole64;
    case ScalarType.DOUBLE:
      return fc.double();
    default:
      throw new Error(`no values for ${ScalarType[type]}`);
  }
}

/** Small numbers and messages, for fields of which there is one. */
function single(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.fieldKind === "scalar") return scalar(field.scalar);
  if (field.fieldKind === "enum")
    return fc.constantFrom(...field.enum.values.map(({ number }) => number), 77);
  if (field.fieldKind === "message") return anyMessage(field.message, depth + 1);
  throw new Error(`no values for field ${field.name}`);
}

function values(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.fieldKind === "list") {
    const item =
      field.listKind === "message"
        ? anyMessage(field.message, depth + 1)
        : field.listKind === "enum"
          ? fc.constantFrom(0, 1, 5, 77)
          : scalar(field.scalar);
    return fc.array(item, { maxLength: 4 });
  }
  if (field.fieldKind === "map") return fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true });
  return single(field, depth);
}

/** Any message of a kind: each field set or not. */
function anyMessage(desc: DescMessage, depth = 0): fc.Arbitrary<Message> {
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of desc.members) {
    if (member.kind === "oneof") {
      parts[member.localName] = fc.oneof(
        ...member.fields.map((field) =>
          single(field, depth).map((value) => ({ case: field.localName, value })),
        ),
      );
    } else if (depth < 3) {
      parts[member.localName] = values(member, depth);
    }
  }
  return fc.record(parts, { requiredKeys: [] }).map((init) => create(desc, init as never));
}

const anyCall = fc.oneof(
  ...MgmtSvc.methods
    .filter(({ name }) => !/FaultInject|SystemErase/.test(name))
    .map(({ localName, input }) =>
      anyMessage(input).map(
        (request) => (system: TestSystem) => system.call(localName as "join", request as never),
      ),
    ),
);

const dRpcInputs: Record<number, DescMessage> = {
  303: srv.GetPoolSvcReqSchema,
  304: ClusterEventReqSchema,
  305: srv.PoolFindByLabelReqSchema,
  306: srv.CheckListPoolReqSchema,
  307: srv.CheckRegPoolReqSchema,
  308: srv.CheckDeregPoolReqSchema,
  309: srv.CheckReportReqSchema,
};

async function prepared(): Promise<TestSystem> {
  const system = await testSystem();
  system.engine.on(MgmtMethod.POOL_CREATE, PoolCreateReqSchema, PoolCreateRespSchema, ({ ranks }) => ({
    svcReps: ranks.slice(0, 1),
  }));
  await system.joinMany(3);
  await system.call("poolCreate", createRequest(1));
  return system;
}

test("any request is answered, or refused with an error; the system stays one that can be read back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { maxLength: 25 }), async (calls) => {
      const system = await prepared();
      try {
        for (const call of calls) {
          const outcome = await call(system).catch((error: unknown) => error);
          expect(outcome).toBeInstanceOf(Object);
          // A mistake of ours would look like this.
          expect(outcome).not.toBeInstanceOf(TypeError);
          expect(outcome).not.toBeInstanceOf(RangeError);
        }
        const before = await system.call("systemQuery");
        await system.restart();
        expect((await system.call("systemQuery")).members).toEqual(before.members);
      } finally {
        await system.close();
      }
    }),
    { numRuns: 15 },
  );
}, 30_000);

test("any call of an engine is answered or refused, whatever its bytes", async () => {
  const system = await prepared();
  const methods = system.management.drpc[DrpcModule.SRV]!;
  const session = { id: 1, peer: { pid: 1, uid: 0, gid: 0 }, signal: new AbortController().signal };
  const settle = async (method: number, body: Uint8Array) => {
    try {
      expect(await methods[method]!(body, session)).toBeInstanceOf(Uint8Array);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(TypeError);
    }
  };
  for (const [number, desc] of Object.entries(dRpcInputs)) {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), (body) => settle(Number(number), body)),
      { numRuns: 15 },
    );
    await fc.assert(
      fc.asyncProperty(anyMessage(desc), async (message) => {
        await settle(Number(number), toBinary(desc, message));
      }),
      { numRuns: 15 },
    );
  }
  await until(async () => (await system.call("systemQuery")).members.length === 3);
  await system.restart();
  expect((await system.call("systemQuery")).members).toHaveLength(3);
  await system.close();
});
