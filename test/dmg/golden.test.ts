/**
 * The documents that `dmg --json` of 2.6.0 printed, each made again from the answer that servers gave.
 * Keys that are hashes (of hosts with the same storage or fabric) may be any number.
 */

import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type FakeServer, fakeServer } from "../client/fake-servers.ts";
import { type DmgBench, dmgBench } from "./run-dmg.ts";

const folder = path.resolve(import.meta.dirname, "../reference/json-2.6");

interface Golden {
  readonly command: string;
  readonly exit: number;
  readonly document: unknown;
  readonly stderr: string;
}

function golden(name: string): Golden & { text: string } {
  const text = readFileSync(path.join(folder, name), "utf8");
  const wide = text.replace(/(?<=[:[\s])\d{16,}(?=[,\s\]}])/g, '"$&"');
  return { ...(JSON.parse(wide) as Golden), text };
}

const host = "127.0.0.1:20001";
const memory = {
  hugepagesTotal: 64n,
  hugepagesFree: 3n,
  hugepageSizeKb: 2048,
  memTotalKb: 24684092n,
};
const pool = "955ecee7-cfb7-477f-b1a4-2c2adafcc2c4";
const names: Record<string, string | bigint> = {
  1: "tank",
  3: 0n,
  4: 3n,
  5: 1n,
  8: "0",
  9: 65536n,
  10: 4096n,
  11: 0n,
  12: 1n,
  13: 4294967295n,
  14: 3n,
  15: 0n,
  16: 0n,
  17: 604800n,
  18: 0n,
  19: 2n,
  21: 255n,
  22: 1n,
  23: 5n,
  24: 50n,
  25: 0n,
  26: 1n,
  27: 300n,
};

const started: { server: FakeServer; bench: DmgBench }[] = [];
afterAll(async () => {
  for (const { server, bench } of started) {
    bench.remove();
    await server.close();
  }
});

async function benchOf(handlers: Parameters<typeof fakeServer>[0]): Promise<DmgBench> {
  const server = await fakeServer(handlers);
  const bench = dmgBench([server.address]);
  started.push({ server, bench });
  return bench;
}

/** Documents with what differs from run to run made the same: hashes and the address of the server. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === "string") {
    return value.replace(/^(localhost|127\.0\.0\.1):\d+$/, host);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [/^\d{15,}$/.test(key) ? "hash" : key, comparable(inner)]),
  );
}

/** Fields in their order, as tools that print documents side by side see them. */
function fieldOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fieldOrder);
  if (typeof value !== "object" || value === null) return null;
  return Object.entries(value).map(([key, inner]) => [
    /^\d{15,}$/.test(key) ? "hash" : key,
    fieldOrder(inner),
  ]);
}

async function expectGolden(name: string, bench: DmgBench): Promise<void> {
  const wanted = golden(name);
  const argv = wanted.command.split(" ").slice(2);
  const { document, status, stderr, text } = await bench.json(...argv);
  expect(comparable(document)).toEqual(comparable(wanted.document));
  expect(fieldOrder(document)).toEqual(fieldOrder(wanted.document));
  expect(status).toBe(wanted.exit);
  expect(stderr).toBe(wanted.stderr);
  expect(text.split("\n")[1]).toMatch(/^ {2}"response": /);
}

const members = [
  {
    addr: host,
    state: "joined",
    faultDomain: "/vm",
    rank: 0,
    incarnation: 2974896661866741760n,
    uuid: "82e2668d-ff97-4e47-8290-5608add82c10",
    fabricUri: "ofi+tcp://127.0.0.1:41416",
    fabricContexts: 3,
    lastUpdate: "2026-11-22T23:30:45.136962262Z",
  },
];

describe("the document of 2.6", () => {
  test("system query", async () => {
    await expectGolden(
      "system-query.json",
      await benchOf({ mgmt: { systemQuery: () => ({ members, providers: ["ofi+tcp"] }) } }),
    );
  });

  test("system query of a rank that does not exist", async () => {
    await expectGolden(
      "system-query-ranks-7.json",
      await benchOf({ mgmt: { systemQuery: () => ({ absentranks: "7" }) } }),
    );
  });

  test("system leader-query", async () => {
    const bench = await benchOf({
      mgmt: { leaderQuery: () => ({ currentLeader: host, replicas: replicas() }) },
    });
    const address = started.at(-1)!.server.address;
    function replicas() {
      return [address];
    }
    await expectGolden("system-leader-query.json", bench);
  });

  test("system stop", async () => {
    await expectGolden(
      "system-stop.json",
      await benchOf({
        mgmt: {
          systemStop: () => ({
            results: [{ state: "stopped", addr: host, rank: 0, action: "stop", msg: "system stop" }],
          }),
        },
      }),
    );
  });

  test("system get-prop, sorted by name", async () => {
    const wanted = golden("system-get-prop.json");
    const bench = await benchOf({
      mgmt: {
        systemGetProp: () => ({
          properties: {
            pool_scrub_thresh: "0",
            daos_system: "daos_server",
            daos_version: "2.6.0",
            pool_scrub_mode: "off",
          },
        }),
      },
    });
    const { document, status } = await bench.json("system", "get-prop");
    const byKey = (left: { key: string }, right: { key: string }) => (left.key < right.key ? -1 : 1);
    const expected = (wanted.document as { response: { key: string }[] }).response.sort(byKey);
    expect((document as { response: unknown }).response).toEqual(expected);
    expect(status).toBe(0);
  });

  test("storage scan", async () => {
    await expectGolden(
      "storage-scan.json",
      await benchOf({
        ctl: {
          storageScan: () => ({
            nvme: { state: {} },
            scm: { state: {} },
            memInfo: { ...memory, memFreeKb: 22640848n, memAvailableKb: 23553952n },
          }),
        },
      }),
    );
  });

  test("storage query usage", async () => {
    await expectGolden(
      "storage-query-usage.json",
      await benchOf({
        ctl: {
          storageScan: ({ scm }) => ({
            nvme: { state: {} },
            scm: {
              state: {},
              namespaces: scm?.usage
                ? [
                    {
                      blockdev: "ramdisk",
                      size: 4294967296n,
                      mount: {
                        class: "ram",
                        path: "/run/daos/mnt",
                        totalBytes: 4294967296n,
                        availBytes: 4156555264n,
                        usableBytes: 3064987648n,
                      },
                    },
                  ]
                : [],
            },
            memInfo: { ...memory, memFreeKb: 22626724n, memAvailableKb: 23539984n },
          }),
        },
      }),
    );
  });

  test("storage format of a running system", async () => {
    await expectGolden("storage-format.json", await benchOf({ mgmt: { systemQuery: () => ({ members }) } }));
  });

  test("network scan", async () => {
    await expectGolden(
      "network-scan.json",
      await benchOf({ ctl: { networkScan: () => ({ numacount: 1, corespernuma: 2 }) } }),
    );
  });

  test("server set-logmasks", async () => {
    await expectGolden(
      "server-set-logmasks-m-info.json",
      await benchOf({ ctl: { setEngineLogMasks: () => ({ errors: [""] }) } }),
    );
  });

  test("pool create", async () => {
    const wanted = golden("pool-create-size-1g-tank.json");
    const bench = await benchOf({
      mgmt: {
        poolCreate: () => ({ svcLdr: 0, svcReps: [0], tgtRanks: [0], tierBytes: [1000001536n, 0n] }),
      },
    });
    const { document, status } = await bench.json("pool", "create", "--size=1G", "tank");
    // The UUID is made anew each time.
    const { uuid } = (document as { response: { uuid: string } }).response;
    const expected = structuredClone(wanted.document) as { response: { uuid: string } };
    expected.response.uuid = uuid;
    expect(uuid).toMatch(/^[0-9a-f-]{36}$/);
    expect(document).toEqual(expected);
    expect(fieldOrder(document)).toEqual(fieldOrder(wanted.document));
    expect(status).toBe(0);
  });

  test("pool list of no pools", async () => {
    await expectGolden("pool-list.json", await benchOf({ mgmt: { listPools: () => ({}) } }));
  });

  test("pool query", async () => {
    await expectGolden(
      "pool-query-tank.json",
      await benchOf({
        mgmt: {
          poolQuery: () => ({
            uuid: pool,
            totalTargets: 1,
            activeTargets: 1,
            totalEngines: 1,
            version: 1,
            svcReps: [0],
            rebuild: {},
            queryMask: 3n,
            poolLayoutVer: 3,
            upgradeLayoutVer: 3,
            tierStats: [
              {
                total: 1000001536n,
                free: 903822324n,
                min: 903822324n,
                max: 903822324n,
                mean: 903822324n,
              },
              { mediaType: 1 },
            ],
          }),
        },
      }),
    );
  });

  test("pool get-prop", async () => {
    await expectGolden(
      "pool-get-prop-tank.json",
      await benchOf({
        mgmt: {
          poolGetProp: ({ properties }) => ({
            properties: properties.map(({ number }) => {
              const value = names[number]!;
              return typeof value === "string"
                ? { number, value: { case: "strval" as const, value } }
                : { number, value: { case: "numval" as const, value } };
            }),
          }),
        },
      }),
    );
  });

  test("pool get-acl", async () => {
    await expectGolden(
      "pool-get-acl-tank.json",
      await benchOf({
        mgmt: {
          poolGetACL: () => ({
            acl: { entries: ["A::OWNER@:rw", "A:G:GROUP@:rw"], ownerUser: "root@", ownerGroup: "root@" },
          }),
        },
      }),
    );
  });

  test("version, but for the build", async () => {
    const wanted = golden("version.json").document as { response: Record<string, unknown> };
    const bench = await benchOf({});
    const { document } = await bench.json("version");
    const { response } = document as { response: Record<string, unknown> };
    expect({ ...response, build_time: "" }).toEqual({ ...wanted.response, build_time: "" });
  });
});
