import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { largestPool, parseTierRatio, shareOf } from "../../src/client/pool-size.ts";
import { clientOf, type FakeServer, fakeServer } from "./fake-servers.ts";

describe("a tier ratio", () => {
  test.each([
    ["6", [0.06, 0.94]],
    ["6%", [0.06, 0.94]],
    ["6,94", [0.06, 0.94]],
    [" 10% , 90% ", [0.1, 0.9]],
    ["100", [1]],
    ["0.5", [0.005, 0.995]],
  ])("%p is read", (text, ratios) => {
    parseTierRatio(text).forEach((ratio, index) => {
      expect(ratio).toBeCloseTo(ratios[index]!, 6);
    });
  });

  test.each(["", "x", "50,60", "10,20", "-5,105", "101"])("%p is refused", (text) => {
    expect(() => parseTierRatio(text)).toThrow();
  });

  test("of one number adds up to all", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99 }), (percent) => {
        const sum = parseTierRatio(`${percent}`).reduce((total, ratio) => total + ratio, 0);
        expect(sum).toBeCloseTo(1, 6);
      }),
    );
  });
});

const servers: FakeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface FakeRank {
  rank: number;
  scm: bigint;
  nvme?: { bytes: bigint; state?: number; roles?: number }[];
  mounted?: boolean;
}

async function clientWith(...hosts: FakeRank[][]) {
  const started = await Promise.all(
    hosts.map((ranks) =>
      fakeServer({
        mgmt: { systemQuery: () => ({}) },
        ctl: {
          storageScan: () => ({
            scm: {
              state: {},
              namespaces: ranks.map(({ rank, scm, mounted }) => ({
                blockdev: `pmem${rank}`,
                mount: mounted === false ? undefined : { rank, usableBytes: scm },
              })),
            },
            nvme: {
              state: {},
              ctrlrs: ranks.flatMap(({ rank, nvme = [] }) =>
                nvme.map(({ bytes, state = 1, roles = 0 }, index) => ({
                  pciAddr: `0000:0${rank}:0${index}.0`,
                  devState: state,
                  smdDevices: [{ uuid: `${rank}-${index}`, rank, usableBytes: bytes, roleBits: roles }],
                })),
              ),
            },
            memInfo: {},
          }),
        },
      }),
    ),
  );
  servers.push(...started);
  return clientOf(...started.map((server) => server.address));
}

describe("the largest pool", () => {
  test("is what the rank with the least space has, on all hosts", async () => {
    const client = await clientWith(
      [{ rank: 0, scm: 100n, nvme: [{ bytes: 10n }, { bytes: 20n }] }],
      [{ rank: 1, scm: 90n, nvme: [{ bytes: 40n }] }],
    );
    expect(await largestPool(client, [])).toEqual({ scmBytes: 90n, nvmeBytes: 30n });
  });

  test("looks at the ranks named only", async () => {
    const client = await clientWith(
      [{ rank: 0, scm: 100n, nvme: [{ bytes: 10n }] }],
      [{ rank: 1, scm: 90n, nvme: [{ bytes: 40n }] }],
    );
    expect(await largestPool(client, [0])).toEqual({ scmBytes: 100n, nvmeBytes: 10n });
  });

  test("leaves out devices that hold no data or are new", async () => {
    const client = await clientWith([
      {
        rank: 0,
        scm: 100n,
        nvme: [
          { bytes: 1n, roles: 4 },
          { bytes: 2n, state: 2 },
          { bytes: 7n, roles: 7 },
        ],
      },
    ]);
    expect(await largestPool(client, [])).toEqual({ scmBytes: 100n, nvmeBytes: 7n });
  });

  test("cannot be told with a faulty device", async () => {
    const client = await clientWith([{ rank: 0, scm: 100n, nvme: [{ bytes: 1n, state: 3 }] }]);
    await expect(largestPool(client, [])).rejects.toThrow("not usable as in EVICTED state");
  });

  test("cannot be told when SCM is not mounted", async () => {
    const client = await clientWith([
      { rank: 0, scm: 100n },
      { rank: 1, scm: 100n, mounted: false },
    ]);
    await expect(largestPool(client, [])).rejects.toThrow("is not mounted");
  });

  test("is none on a host without SCM", async () => {
    const client = await clientWith([{ rank: 0, scm: 0n }]);
    await expect(largestPool(client, [])).rejects.toThrow("Host without SCM storage: hostname=127.0.0.1:");
  });

  test("is none on ranks that do not exist", async () => {
    const client = await clientWith([{ rank: 0, scm: 5n }]);
    await expect(largestPool(client, [7])).rejects.toThrow("No SCM storage space available with rank list 7");
  });

  test("is shared out by percent, and must leave some SCM", () => {
    expect(shareOf({ scmBytes: 1000n, nvmeBytes: 5000n }, 80)).toEqual([800n, 4000n]);
    expect(() => shareOf({ scmBytes: 1n, nvmeBytes: 5000n }, 50)).toThrow("with ratio 50%");
  });
});
