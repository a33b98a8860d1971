import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { loadAgentConfig, parseAgentConfig } from "../../src/config/agent.ts";
import { loadControlConfig, parseControlConfig } from "../../src/config/control.ts";
import { findControlConfig } from "../../src/config/control-path.ts";
import { defaultAgentConfig, defaultControlConfig } from "../../src/config/defaults.ts";
import { readServerConfig } from "../../src/config/server.ts";
import { checkReadConfig } from "../../src/config/server-check.ts";
import { isFault } from "../../src/faults/fault.ts";
import { bytes } from "./support.ts";

const examples = path.resolve(import.meta.dirname, "../../docs/examples");
let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "client-files-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const made = path.join(folder, name);
  fs.writeFileSync(made, text);
  return made;
}

const failed = async (run: Promise<unknown>) =>
  run.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("daos_agent.yml", () => {
  test("that is empty is all defaults", async () => {
    const made = file("empty-agent.yml", "");
    expect(await loadAgentConfig(made)).toEqual({ ...defaultAgentConfig(), configPath: made });
  });

  test("with every key", () => {
    const { config, problems } = parseAgentConfig(
      bytes(`name: shire
access_points: ["one:10001", "two:10001"]
port: 4242
runtime_dir: /tmp/runtime
log_file: /home/frodo/logfile
control_log_mask: debug
disable_caching: true
cache_expiration: 30
disable_auto_evict: true
enable_evict_on_start: true
transport_config:
  allow_insecure: true
exclude_fabric_ifaces: ["ib3", "ib3", "eth0"]
fabric_ifaces:
- numa_node: 1
  devices:
  - {iface: ib0, domain: mlx5_0}
  - {iface: ib1}
telemetry_port: 9192
telemetry_enabled: true
telemetry_retain: 1m30s
provideridx: 1
`),
      "a.yml",
    );
    expect(problems).toEqual([]);
    expect(config).toEqual({
      configPath: "a.yml",
      name: "shire",
      accessPoints: ["one:10001", "two:10001"],
      port: 4242,
      runtimeDir: "/tmp/runtime",
      logFile: "/home/frodo/logfile",
      controlLogMask: "DEBUG",
      transportConfig: { ...defaultAgentConfig().transportConfig, allowInsecure: true },
      disableCaching: true,
      cacheExpiration: 30,
      disableAutoEvict: true,
      enableEvictOnStart: true,
      excludeFabricIfaces: ["eth0", "ib3"],
      fabricIfaces: [{ numaNode: 1, devices: [{ iface: "ib0", domain: "mlx5_0" }, { iface: "ib1" }] }],
      telemetryPort: 9192,
      telemetryEnabled: true,
      telemetryRetain: 90_000,
      providerIdx: 1,
    });
  });

  const refused: [string, string, RegExp][] = [
    ["text that is no configuration", "One ring to rule them all\n", /^1:1 500 the file takes a section/],
    ["an unknown log level", "control_log_mask: gandalf\n", /^1:1 500 .*log level/],
    [
      "telemetry kept without a port",
      "telemetry_retain: 1m\n",
      /^1:1 500 telemetry_retain requires telemetry_port/,
    ],
    [
      "telemetry enabled without a port",
      "telemetry_enabled: true\n",
      /telemetry_enabled requires telemetry_port/,
    ],
    ["a bad telemetry port", "telemetry_port: -1\n", /telemetry_port is not from/],
    ["a duration without unit", "telemetry_port: 1\ntelemetry_retain: soon\n", /^2:1 500 .*duration/],
    ["a long name", "name: a123456789012345\n", /invalid system name/],
    ["port 0", "port: 0\n", /^1:1 501/],
    ["an access point with a bad port", "access_points: ['a:b']\n", /^1:17 502/],
    ["both names of the access points", "access_points: [a]\nmgmt_svc_replicas: [b]\n", /^2:1 502 both/],
    ["a negative expiry", "cache_expiration: -1\n", /takes a number from 0/],
    [
      "the key of dmg",
      "hostlist: [a]\n",
      /^1:1 500 unknown key "hostlist"; an agent finds its servers by "access_points"/,
    ],
  ];
  for (const [what, text, shown] of refused) {
    test(`refuses ${what}`, () => {
      const problem = parseAgentConfig(bytes(text), "a.yml").problems[0]!;
      expect(
        `${problem.position?.line}:${problem.position?.column} ${problem.fault.code} ${problem.fault.description}`,
      ).toMatch(shown);
    });
  }

  test("takes mgmt_svc_replicas", () => {
    expect(parseAgentConfig(bytes("mgmt_svc_replicas: [x]\n"), "a").config.accessPoints).toEqual(["x"]);
  });
  test("needs a path that can be read", async () => {
    expect(isFault(await failed(loadAgentConfig("")))).toBe(true);
    expect(String(await failed(loadAgentConfig("/not/real")))).toContain("/not/real");
  });
  test("names file, line and column when it is loaded", async () => {
    const made = file("bad-agent.yml", "name: x\nprot: 1\n");
    expect(String(await failed(loadAgentConfig(made)))).toContain(`${made}:2:1: unknown key`);
  });
});

describe("daos_control.yml", () => {
  test("is looked for where 2.6 looks, after -o and the variable", async () => {
    const own = file(".daos_control.yml", "name: own\n");
    expect(await findControlConfig("/given", { HOME: folder, DAOSCTL_CONTROL_CONFIG: "/lab" })).toBe(
      "/given",
    );
    expect(await findControlConfig(undefined, { HOME: folder, DAOSCTL_CONTROL_CONFIG: "/lab" })).toBe("/lab");
    expect(await findControlConfig(undefined, { HOME: folder })).toBe(own);
    expect(await findControlConfig("", { HOME: "/nowhere" })).not.toBe(own);
  });
  test("gives what it says over the defaults", async () => {
    const made = file("control.yml", "hostlist: ['node[1-3]', other:5]\n");
    const expected = { ...defaultControlConfig(), hostlist: ["node[1-3]", "other:5"], configPath: made };
    expect(await loadControlConfig(made)).toEqual(expected);
  });
  test("must not be an empty file", async () => {
    expect(String(await failed(loadControlConfig(file("empty.yml", ""))))).toContain("empty config file");
  });
  test("must be readable", async () => {
    expect(String(await failed(loadControlConfig("/not/real.yml")))).toContain("/not/real.yml");
  });
  const refused: [string, string, RegExp][] = [
    ["an empty host list", "hostlist: []\n", /^1:1 503/],
    ["port 0", "port: 0\n", /^1:1 501/],
    ["broken quotes", "hostlist: ['a:1','b:1,'c:1']\n", /^1:\d+ 500 not valid YAML/],
    ["the key of servers and agents", "access_points: [a]\n", /dmg finds its servers by "hostlist"/],
    ["an empty name", "name: ''\n", /invalid system name/],
  ];
  for (const [what, text, shown] of refused) {
    test(`refuses ${what}`, () => {
      const problem = parseControlConfig(bytes(text), "c.yml").problems[0]!;
      expect(
        `${problem.position?.line}:${problem.position?.column} ${problem.fault.code} ${problem.fault.description}`,
      ).toMatch(shown);
    });
  }
});

describe("the example files", () => {
  test("are sound", async () => {
    const read = await readServerConfig(path.join(examples, "daos_server.yml"));
    expect(checkReadConfig(read, {}).problems).toEqual([]);
    await loadAgentConfig(path.join(examples, "daos_agent.yml"));
    await loadControlConfig(path.join(examples, "daos_control.yml"));
  });

  const example = (name: string) => fs.readFileSync(path.join(examples, name), "utf8");
  const mentions = (text: string, key: string) => new RegExp(`^\\s*#?\\s*${key}:`, "m").test(text);
  const serverKeys =
    "port transport_config allow_insecure client_cert_dir ca_cert cert key engines bdev_exclude disable_vfio disable_vmd enable_hotplug nr_hugepages system_ram_reserved disable_hugepages control_log_mask control_log_file control_log_json helper_log_file firmware_helper_log_file fault_path telemetry_port core_dump_filter client_env_vars name socket_dir provider fabric_iface fabric_iface_port bypass_health_chk crt_timeout secondary_provider_endpoints disable_srx fabric_auth_key access_points mgmt_svc_replicas control_metadata path device fault_cb hyperthreads modules targets nr_xs_helpers first_core log_mask log_file storage class scm_mount scm_size scm_hugepages_disabled scm_list bdev_list bdev_number bdev_size bdev_busid_range bdev_roles acceleration engine options spdk_rpc_server enable sock_addr bdev_auto_faulty max_io_errs max_csum_errs env_vars env_pass_through pinned_numa_node";
  const agentKeys =
    "name access_points mgmt_svc_replicas port runtime_dir log_file control_log_mask transport_config allow_insecure ca_cert cert key disable_caching cache_expiration disable_auto_evict enable_evict_on_start exclude_fabric_ifaces fabric_ifaces numa_node devices iface domain provideridx telemetry_port telemetry_enabled telemetry_retain";
  for (const [name, keys] of [
    ["daos_server.yml", serverKeys],
    ["daos_agent.yml", agentKeys],
    ["daos_control.yml", "name port hostlist transport_config allow_insecure ca_cert cert key"],
  ] as const) {
    test(`${name} explains every key`, () => {
      expect(keys.split(" ").filter((key) => !mentions(example(name), key))).toEqual([]);
    });
  }
});
