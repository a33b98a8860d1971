import { describe, expect, test } from "bun:test";
import type { EngineConfig } from "../../src/config/types.ts";
import { type NvmeConfOptions, nvmeConf, parseBusRange } from "../../src/storage/bdev/conf.ts";
import { bdevTier, engineConfig, ramTier } from "../support/engine-config.ts";

const host: NvmeConfOptions = { hostname: "node1", hotplug: false, vmd: false };
const addresses = ["0000:81:00.0", "0000:82:00.0"];

function confOf(over: Partial<EngineConfig>, options: Partial<NvmeConfOptions> = {}) {
  const text = nvmeConf(engineConfig(over), { ...host, ...options });
  return text === undefined ? undefined : JSON.parse(text);
}

const withBdev = (tier: Parameters<typeof bdevTier>[0], over: Partial<EngineConfig> = {}) => ({
  storage: [ramTier("/mnt/daos"), bdevTier(tier)],
  ...over,
});

test("the file for two AIO files is, byte for byte, what 2.6 writes", () => {
  const text = nvmeConf(
    engineConfig(withBdev({ bdevList: ["/path/to/myfile", "/path/to/myotherfile"] })),
    host,
  );
  expect(text).toBe(`{
  "daos_data": {
    "config": []
  },
  "subsystems": [
    {
      "subsystem": "bdev",
      "config": [
        {
          "params": {
            "bdev_io_pool_size": 65536,
            "bdev_io_cache_size": 256
          },
          "method": "bdev_set_options"
        },
        {
          "params": {
            "retry_count": 4,
            "timeout_us": 0,
            "nvme_adminq_poll_period_us": 100000,
            "action_on_timeout": "none",
            "nvme_ioq_poll_period_us": 0
          },
          "method": "bdev_nvme_set_options"
        },
        {
          "params": {
            "block_size": 4096,
            "name": "AIO_node1_0_1_0",
            "filename": "/path/to/myfile"
          },
          "method": "bdev_aio_create"
        },
        {
          "params": {
            "block_size": 4096,
            "name": "AIO_node1_1_1_0",
            "filename": "/path/to/myotherfile"
          },
          "method": "bdev_aio_create"
        },
        {
          "params": {
            "enable": false,
            "period_us": 0
          },
          "method": "bdev_nvme_set_hotplug"
        }
      ]
    }
  ]
}`);
});

test("an engine without block devices has no file", () => {
  expect(confOf({})).toBeUndefined();
  expect(confOf(withBdev({ class: "nvme", bdevList: [] }))).toBeUndefined();
});

test("NVMe controllers are attached by address, their roles in the name", () => {
  const conf = confOf(withBdev({ class: "nvme", bdevList: addresses, bdevRoles: ["data", "meta", "wal"] }));
  expect(conf.subsystems[0].config.slice(2, 4)).toEqual([
    {
      params: { trtype: "PCIe", name: "Nvme_node1_0_1_7", traddr: "0000:81:00.0" },
      method: "bdev_nvme_attach_controller",
    },
    {
      params: { trtype: "PCIe", name: "Nvme_node1_1_1_7", traddr: "0000:82:00.0" },
      method: "bdev_nvme_attach_controller",
    },
  ]);
});

test("kernel devices have block size 0", () => {
  const conf = confOf(withBdev({ class: "kdev", bdevList: ["/dev/sdb"] }));
  expect(conf.subsystems[0].config[2]).toEqual({
    params: { block_size: 0, name: "AIO_node1_0_1_0", filename: "/dev/sdb" },
    method: "bdev_aio_create",
  });
});

test("tiers are told apart in the names", () => {
  const conf = confOf({
    storage: [
      ramTier("/mnt/daos"),
      bdevTier({ tier: 1, class: "nvme", bdevList: ["0000:81:00.0"], bdevRoles: ["wal"] }),
      bdevTier({ tier: 2, class: "nvme", bdevList: ["0000:82:00.0"], bdevRoles: ["data", "meta"] }),
    ],
  });
  const names = conf.subsystems[0].config
    .slice(2, 4)
    .map((method: { params: { name: string } }) => method.params.name);
  expect(names).toEqual(["Nvme_node1_0_1_4", "Nvme_node1_0_2_3"]);
});

test("hot plug comes last, with its bus range among the DAOS settings", () => {
  const conf = confOf(withBdev({ class: "nvme", bdevList: addresses }), {
    hotplug: true,
    busRange: { begin: 0x8a, end: 0x8f },
  });
  expect(conf.subsystems[0].config.at(-1)).toEqual({
    params: { enable: true, period_us: 5000000 },
    method: "bdev_nvme_set_hotplug",
  });
  expect(conf.daos_data.config).toEqual([
    { params: { begin: 138, end: 143 }, method: "hotplug_busid_range" },
  ]);
});

test("VMD gets a subsystem of its own, only beside real NVMe", () => {
  const vmd = { subsystem: "vmd", config: [{ params: {}, method: "enable_vmd" }] };
  expect(confOf(withBdev({ class: "nvme", bdevList: addresses }), { vmd: true }).subsystems[1]).toEqual(vmd);
  expect(confOf(withBdev({ bdevList: ["/a"] }), { vmd: true }).subsystems).toHaveLength(1);
});

test("acceleration, RPC server and auto-faulty settings are written in 2.6's order", () => {
  const conf = confOf(
    withBdev(
      { class: "nvme", bdevList: addresses },
      {
        acceleration: { engine: "spdk", options: ["crc", "move"] },
        spdkRpcServer: { enable: true, sockAddr: "/tmp/spdk.sock" },
        bdevAutoFaulty: { enable: true, maxIoErrs: 100, maxCsumErrs: 200 },
      },
    ),
  );
  expect(conf.daos_data.config).toEqual([
    { params: { accel_engine: "spdk", accel_opts: 3 }, method: "accel_props" },
    { params: { enable: true, sock_addr: "/tmp/spdk.sock" }, method: "spdk_rpc_srv" },
    { params: { enable: true, max_io_errs: 100, max_csum_errs: 200 }, method: "auto_faulty" },
  ]);
});

test("settings that are off leave no trace", () => {
  const conf = confOf(
    withBdev(
      { bdevList: ["/a"] },
      {
        acceleration: { engine: "none", options: [] },
        spdkRpcServer: { enable: false },
        bdevAutoFaulty: { enable: false, maxIoErrs: 1, maxCsumErrs: 1 },
      },
    ),
  );
  expect(conf.daos_data.config).toEqual([]);
});

test("characters that Go's encoder escapes are escaped alike", () => {
  expect(nvmeConf(engineConfig(withBdev({ bdevList: ["/a&b"] })), host)).toContain('"/a\\u0026b"');
});

describe("bus ranges", () => {
  test.each([
    ["0x80-0x8f", { begin: 0x80, end: 0x8f }],
    ["128-143", { begin: 128, end: 143 }],
    ["0x00-0x00", undefined],
    ["", undefined],
    ["x", undefined],
  ])("%p is read", (text, range) => {
    expect(parseBusRange(text)).toEqual(range);
  });

  test("none given is none", () => expect(parseBusRange(undefined)).toBeUndefined());
});
