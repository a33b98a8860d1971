import { describe, expect, test } from "bun:test";
import {
  type FoundHardware,
  type GenerateRequest,
  generateServerConfig,
  threadCounts,
} from "../../src/config/generate.ts";
import { combinations } from "../../src/config/generate-nodes.ts";
import { isFault } from "../../src/faults/fault.ts";
import { silentLogger } from "../../src/log/logger.ts";

const request: GenerateRequest = {
  engineCount: 0,
  netClass: "infiniband",
  netProvider: "",
  scmOnly: false,
  accessPoints: ["foo"],
  fabricPorts: [],
  tmpfsScm: false,
  controlMetadataPath: "",
};

function interfaces(): FoundHardware["interfaces"] {
  const ib = [
    [0, "ib0", 0],
    [0, "ib1", 1],
    [1, "ib2", 2],
  ] as const;
  return [
    ...ib.flatMap(([numaNode, device, priority]) => [
      { provider: "ofi+tcp", device, numaNode, priority: priority + 10, netDevClass: 32 },
      { provider: "ofi+verbs;ofi_rxm", device, numaNode, priority, netDevClass: 32 },
    ]),
    { provider: "ofi+tcp", device: "eth0", numaNode: 0, priority: 20, netDevClass: 1 },
  ];
}

function hardware(ssdsPerNode = 4): FoundHardware {
  return {
    numaCount: 2,
    coresPerNuma: 24,
    interfaces: interfaces(),
    pmem: [0, 1].map((numaNode) => ({ blockDevice: `pmem${numaNode}`, numaNode })),
    ssds: [0, 1].flatMap((numaNode) =>
      Array.from({ length: ssdsPerNode }, (_, index) => ({
        pciAddress: `0000:${(0x80 + index * 2 + numaNode).toString(16)}:00.0`,
        numaNode,
      })),
    ),
    memory: { memTotalKib: 256 * 1024 * 1024, hugepageSizeKib: 2048 },
  };
}

function generate(changes: Partial<GenerateRequest> = {}, found = hardware()) {
  return generateServerConfig({ ...request, ...changes }, found, silentLogger);
}

const bdevs = (config: ReturnType<typeof generate>, engine = 0) =>
  config.engines[engine]!.storage.flatMap((tier) => ("bdevList" in tier ? [tier] : []));

describe("a generated configuration", () => {
  test("has an engine on each NUMA node, with that node's devices", () => {
    const config = generate();
    expect(
      config.engines.map(({ pinnedNumaNode, fabricIface, fabricIfacePort }) => [
        pinnedNumaNode,
        fabricIface,
        fabricIfacePort,
      ]),
    ).toEqual([
      [0, "ib0", 31416],
      [1, "ib2", 32416],
    ]);
    expect(config.provider).toBe("ofi+verbs;ofi_rxm");
    expect(bdevs(config, 1)[0]!.bdevList).toEqual([
      "0000:81:00.0",
      "0000:83:00.0",
      "0000:85:00.0",
      "0000:87:00.0",
    ]);
    expect(config.engines[1]!.storage[0]).toMatchObject({
      class: "dcpm",
      scmMount: "/mnt/daos1",
      scmList: ["/dev/pmem1"],
    });
    expect(config.engines[0]).toMatchObject({
      targets: 16,
      nrXsHelpers: 4,
      logFile: "/tmp/daos_engine.0.log",
    });
    expect(config.accessPoints).toEqual(["foo:10001"]);
    expect(config.nrHugepages).toBe(16384);
  });

  test("takes memory for the memory tier when asked to", () => {
    const config = generate({ tmpfsScm: true });
    expect(config.engines[0]!.storage[0]).toMatchObject({ class: "ram", scmList: [] });
    expect((config.engines[0]!.storage[0] as { scmSize: number }).scmSize).toBeGreaterThan(4);
  });

  test.each([
    [1, [["data", "meta", "wal"]], [1]],
    [4, [["wal"], ["data", "meta"]], [1, 3]],
    [7, [["wal"], ["data", "meta"]], [2, 5]],
  ])("puts metadata on %p SSDs in tiers of roles", (ssds, roles, counts) => {
    const config = generate({ tmpfsScm: true, controlMetadataPath: "/var/daos" }, hardware(ssds));
    expect(bdevs(config).map(({ bdevRoles }) => bdevRoles)).toEqual(roles as never);
    expect(bdevs(config).map(({ bdevList }) => bdevList.length)).toEqual(counts);
    expect(config.controlMetadata.path).toBe("/var/daos");
  });

  test("without NVMe has no block devices and no helpers", () => {
    const config = generate({ scmOnly: true });
    expect(bdevs(config)).toEqual([]);
    expect(config.engines[0]!.nrXsHelpers).toBe(0);
  });

  test("gives every engine as many SSDs as the poorest has", () => {
    const found = hardware();
    const config = generate({}, { ...found, ssds: found.ssds.slice(0, -2) });
    expect([0, 1].map((engine) => bdevs(config, engine)[0]!.bdevList.length)).toEqual([2, 2]);
  });

  test("takes the port that all access points name", () => {
    const config = generate({ accessPoints: ["a:1234", "b:1234", "c:1234"] });
    expect(config.port).toBe(1234);
    expect(() => generate({ accessPoints: ["a:1", "b:2", "c:1"] })).toThrow(
      "access point port numbers do not match",
    );
  });

  test("uses the provider, class, ports and number of engines it is told", () => {
    expect(generate({ netProvider: "ofi+tcp" }).provider).toBe("ofi+tcp");
    const ethernet = generate({ netClass: "ethernet", engineCount: 1, fabricPorts: [7] });
    expect(
      ethernet.engines.map(({ fabricIface, fabricIfacePort }) => [fabricIface, fabricIfacePort]),
    ).toEqual([["eth0", 7]]);
  });

  test("configures what is behind a VMD by the VMD's address", () => {
    const found = {
      ...hardware(),
      ssds: [
        { pciAddress: "5d0505:01:00.0", numaNode: 0 },
        { pciAddress: "5d0505:03:00.0", numaNode: 0 },
      ],
    };
    const config = generate({ engineCount: 1 }, found);
    expect(bdevs(config)[0]!.bdevList).toEqual(["0000:5d:05.5"]);
  });

  test.each<[string, Partial<GenerateRequest>, Partial<FoundHardware>, string]>([
    ["no NUMA node", {}, { numaCount: 0 }, "zero numa nodes reported on hosts"],
    ["too few nodes with PMem", { engineCount: 3 }, {}, "want 3 got 2"],
    [
      "a node without SSDs",
      {},
      { ssds: hardware().ssds.filter(({ numaNode }) => numaNode === 0) },
      "insufficient number of ssds for numa 1, want 1 got 0",
    ],
    ["no interface of that class", { netClass: "ethernet" }, {}, "none of the provider-ifaces sets match"],
    ["too few ports", { fabricPorts: [1] }, {}, "insufficient fabric ports for nr engines, want 2 got 1"],
    [
      "metadata on SSD with PMem",
      { controlMetadataPath: "/x" },
      {},
      "md-on-ssd mode is only supported with scm class ram",
    ],
    [
      "no hugepage size",
      {},
      { memory: { memTotalKib: 1, hugepageSizeKib: 0 } },
      "requires nonzero HugepageSizeKiB",
    ],
    ["too few cores", {}, { coresPerNuma: 1 }, "invalid number of cores-per-numa, want at least 2 got 1"],
    ["no access points", { accessPoints: [] }, {}, "no access points specified"],
  ])("cannot be made with %s", (_, changes, less, problem) => {
    expect(() => generate(changes, { ...hardware(), ...less })).toThrow(problem);
  });

  test("cannot share out devices behind VMDs unevenly", () => {
    const ssds = ["5d0505:01:00.0", "5d0505:03:00.0"].map((pciAddress) => ({ pciAddress, numaNode: 0 }));
    const found = { ...hardware(), ssds: [...ssds, { pciAddress: "d70505:01:00.0", numaNode: 1 }] };
    let error: unknown;
    try {
      generate({}, found);
    } catch (thrown) {
      error = thrown;
    }
    expect(isFault(error, 511)).toBe(true);
  });
});

test.each([
  [24, 4, 16, 4],
  [24, 0, 16, 0],
  [10, 0, 8, 0],
  [26, 8, 16, 4],
  [6, 8, 4, 0],
  [12, 9, 9, 0],
])("%p cores and %p SSDs make %p targets and %p helpers", (cores, ssds, targets, helpers) => {
  expect(threadCounts(cores, ssds)).toEqual({ targets, helpers });
});

test("combinations come with low items first", () => {
  expect(combinations([2, 0, 1], 2)).toEqual([
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
  expect(combinations([0], 3)).toEqual([[0]]);
});
