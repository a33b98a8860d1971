import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { parseAgentConfig } from "../../src/config/agent.ts";
import { parseControlConfig } from "../../src/config/control.ts";
import { formatPciAddress } from "../../src/config/pci.ts";
import { parseServerConfig } from "../../src/config/server.ts";
import { checkReadConfig } from "../../src/config/server-check.ts";
import {
  activeConfigName,
  agentConfigToYaml,
  controlConfigToYaml,
  saveActiveConfig,
  serverConfigToYaml,
} from "../../src/config/to-yaml.ts";
import type {
  AgentConfig,
  ControlConfig,
  EngineConfig,
  ServerConfig,
  StorageTierConfig,
} from "../../src/config/types.ts";
import { bytes, readServer, twoEngines } from "./support.ts";

/** Text that YAML is tempted to take for something else, and any other. */
const text = fc.oneof(
  fc.constantFrom(
    "yes",
    "no",
    "on",
    "0755",
    "0x10",
    "1e3",
    "null",
    "~",
    "12:30",
    "2001-01-01",
    "- a",
    "a: b",
    "#x",
    "'",
    '"',
    "<<",
    " x ",
  ),
  fc
    .string({ minLength: 1, maxLength: 12 })
    .filter((s) => [...s].every((c) => c >= " " && (c < "\u007f" || c > "\u009f"))),
);
const texts = fc.array(text, { maxLength: 3 });
const pairs = fc.array(
  fc.tuple(fc.stringMatching(/^[A-Z]{1,4}$/), fc.stringMatching(/^[a-z0-9]{1,4}$/)).map((p) => p.join("=")),
  { maxLength: 3 },
);

const scm: fc.Arbitrary<StorageTierConfig> = fc.record({
  tier: fc.constant(0),
  class: fc.constantFrom("ram" as const, "dcpm" as const),
  scmMount: text,
  scmSize: fc.nat(4000),
  scmHugepagesDisabled: fc.boolean(),
  scmList: texts,
});

const pciList = fc
  .uniqueArray(
    fc.record({ domain: fc.nat(0xffff), bus: fc.nat(255), device: fc.nat(31), function: fc.nat(7) }),
    {
      maxLength: 3,
      selector: formatPciAddress,
    },
  )
  .map((list) => list.map(formatPciAddress).sort());

const bdev = (tier: number): fc.Arbitrary<StorageTierConfig> =>
  fc.record(
    {
      tier: fc.constant(tier),
      class: fc.constantFrom("nvme" as const, "file" as const, "kdev" as const),
      bdevList: pciList,
      bdevNumber: fc.nat(9),
      bdevSize: fc.nat(99),
      bdevBusidRange: fc.constantFrom("0x80-0x8f", "0x00-0xff"),
      bdevRoles: fc.subarray(["data" as const, "meta" as const, "wal" as const]),
    },
    { requiredKeys: ["tier", "class", "bdevList", "bdevNumber", "bdevSize", "bdevRoles"] },
  );

const fabric = {
  crtTimeout: fc.integer({ min: 1, max: 0xffffffff }),
  secondaryProviderEndpoints: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 2 }),
  disableSrx: fc.constant(true),
  provider: fc.constantFrom("ofi+tcp", "ofi+verbs;ofi_rxm", "ucx+dc_x"),
  fabricIface: text,
  fabricIfacePort: fc.integer({ min: 1, max: 65535 }),
  fabricAuthKey: fc.stringMatching(/^[a-z]{1,4}:[a-z]{1,4}$/),
};

const engine = (index: number): fc.Arbitrary<EngineConfig> =>
  fc.record(
    {
      ...fabric,
      index: fc.constant(index),
      targets: fc.nat(64),
      nrXsHelpers: fc.nat(8),
      firstCore: fc.nat(99),
      pinnedNumaNode: fc.nat(7),
      logMask: text,
      logFile: text,
      bypassHealthChk: fc.boolean(),
      envVars: texts,
      envPassThrough: texts,
      storage: fc.oneof(
        scm.map((t) => [t]),
        fc.tuple(scm, bdev(1)),
        fc.tuple(scm, bdev(1), bdev(2)),
      ),
      acceleration: fc.oneof(
        fc.record({ engine: fc.constant("none" as const), options: fc.constant<("crc" | "move")[]>([]) }),
        fc.record({
          engine: fc.constantFrom("spdk" as const, "dml" as const),
          options: fc.subarray(["crc" as const, "move" as const], { minLength: 1 }),
        }),
      ),
      spdkRpcServer: fc.record({ enable: fc.boolean(), sockAddr: text }, { requiredKeys: ["enable"] }),
      bdevAutoFaulty: fc.record({ enable: fc.boolean(), maxIoErrs: fc.nat(), maxCsumErrs: fc.nat() }),
    },
    {
      requiredKeys: [
        "index",
        "targets",
        "nrXsHelpers",
        "crtTimeout",
        "secondaryProviderEndpoints",
        "disableSrx",
        "envVars",
        "envPassThrough",
        "storage",
        "provider",
        "fabricIface",
        "fabricIfacePort",
        "fabricAuthKey",
      ],
    },
  );

const transportConfig = fc.record({ allowInsecure: fc.boolean(), caCert: text, cert: text, key: text });
const level = fc.constantFrom(
  "TRACE" as const,
  "DEBUG" as const,
  "INFO" as const,
  "NOTICE" as const,
  "ERROR" as const,
  "DISABLED" as const,
);
const port = fc.integer({ min: 1, max: 65535 });
const name = fc.stringMatching(/^[a-z0-9_]{1,15}$/);

const server: fc.Arbitrary<ServerConfig> = fc
  .record(
    {
      ...fabric,
      name,
      accessPoints: texts,
      port,
      transportConfig: transportConfig.map((t) => ({ ...t, clientCertDir: "/clients" })),
      socketDir: text,
      engines: fc.oneof(
        fc.constant<EngineConfig[]>([]),
        engine(0).map((e) => [e]),
        fc.tuple(engine(0), engine(1)),
      ),
      bdevExclude: texts,
      disableVfio: fc.boolean(),
      disableVmd: fc.boolean(),
      enableHotplug: fc.boolean(),
      nrHugepages: fc.nat(),
      systemRamReserved: fc.nat(999),
      disableHugepages: fc.boolean(),
      controlLogMask: level,
      controlLogFile: text,
      controlLogJson: fc.boolean(),
      helperLogFile: text,
      firmwareHelperLogFile: text,
      telemetryPort: port,
      coreDumpFilter: fc.nat(255),
      clientEnvVars: pairs,
      controlMetadata: fc.record({ path: text, device: text }, { requiredKeys: [] }),
      faultPath: text,
      faultCb: text,
      hyperthreads: fc.boolean(),
    },
    {
      requiredKeys: [
        "name",
        "accessPoints",
        "port",
        "transportConfig",
        "socketDir",
        "engines",
        "bdevExclude",
        "disableVfio",
        "disableVmd",
        "enableHotplug",
        "nrHugepages",
        "systemRamReserved",
        "disableHugepages",
        "controlLogMask",
        "controlLogJson",
        "coreDumpFilter",
        "clientEnvVars",
        "controlMetadata",
        "hyperthreads",
        "crtTimeout",
        "secondaryProviderEndpoints",
        "disableSrx",
      ],
    },
  )
  // The key reaches clients by an entry of client_env_vars, which reading puts in its sorted place.
  .map((config) => {
    if (config.fabricAuthKey === undefined) return config;
    const own = new Map(config.clientEnvVars.map((pair) => [pair.split("=")[0], pair] as const).reverse());
    own.set("D_PROVIDER_AUTH_KEY", `D_PROVIDER_AUTH_KEY=${config.fabricAuthKey}`);
    return { ...config, clientEnvVars: [...own.keys()].sort().map((key) => own.get(key)!) };
  });

const agent: fc.Arbitrary<AgentConfig> = fc.record(
  {
    name,
    accessPoints: fc.array(fc.stringMatching(/^[a-z]{1,8}(:[1-9][0-9]{0,3})?$/), { maxLength: 3 }),
    port,
    runtimeDir: text,
    logFile: text,
    controlLogMask: level,
    transportConfig,
    disableCaching: fc.boolean(),
    cacheExpiration: fc.nat(),
    disableAutoEvict: fc.boolean(),
    enableEvictOnStart: fc.boolean(),
    excludeFabricIfaces: fc.uniqueArray(text, { maxLength: 3 }).map((list) => list.sort()),
    fabricIfaces: fc.array(
      fc.record({
        numaNode: fc.nat(9),
        devices: fc.array(fc.record({ iface: text, domain: text }, { requiredKeys: ["iface"] }), {
          maxLength: 2,
        }),
      }),
      { maxLength: 2 },
    ),
    providerIdx: fc.nat(3),
    telemetryPort: port,
    telemetryEnabled: fc.boolean(),
    telemetryRetain: fc.nat(),
  },
  {
    requiredKeys: [
      "name",
      "accessPoints",
      "port",
      "runtimeDir",
      "controlLogMask",
      "transportConfig",
      "disableCaching",
      "cacheExpiration",
      "disableAutoEvict",
      "enableEvictOnStart",
      "excludeFabricIfaces",
      "fabricIfaces",
      "providerIdx",
      "telemetryPort",
      "telemetryEnabled",
      "telemetryRetain",
    ],
  },
);

const control: fc.Arbitrary<ControlConfig> = fc.record({
  name,
  port,
  hostlist: fc.array(text, { minLength: 1, maxLength: 3 }),
  transportConfig,
});

const runs = { numRuns: 300 };

describe("a configuration written as YAML reads back the same", () => {
  test("server", () => {
    fc.assert(
      fc.property(server, (config) => {
        const yaml = serverConfigToYaml(config);
        const read = parseServerConfig(bytes(yaml), "active.yml");
        expect(read.problems).toEqual([]);
        expect(read.config).toEqual({ ...config, configPath: "active.yml" });
      }),
      runs,
    );
  });
  test("agent", () => {
    fc.assert(
      fc.property(agent, (config) => {
        const read = parseAgentConfig(bytes(agentConfigToYaml(config)), "a.yml");
        expect(read.problems).toEqual([]);
        expect(read.config).toEqual({ ...config, configPath: "a.yml" });
      }),
      runs,
    );
  });
  test("control", () => {
    fc.assert(
      fc.property(control, (config) => {
        const read = parseControlConfig(bytes(controlConfigToYaml(config)), "c.yml");
        expect(read.problems).toEqual([]);
        expect(read.config).toEqual({ ...config, configPath: "c.yml" });
      }),
      runs,
    );
  });
});

describe("whatever the bytes, reading gives a configuration or problems with a place", () => {
  const everyReader = (input: Uint8Array) => {
    const server = parseServerConfig(input, "s.yml");
    const problems = [
      ...checkReadConfig(server, {}).problems,
      ...parseAgentConfig(input, "a.yml").problems,
      ...parseControlConfig(input, "c.yml").problems,
    ];
    for (const problem of problems) {
      expect(problem.position?.line).toBeGreaterThan(0);
      expect(problem.fault.description).not.toBe("");
    }
  };
  test("any bytes", () => fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), everyReader), runs));
  test("any text", () => fc.assert(fc.property(fc.string({ maxLength: 200 }).map(bytes), everyReader), runs));
  test("any YAML of the keys that are known", () => {
    const key = fc.constantFrom(
      "engines",
      "storage",
      "class",
      "name",
      "port",
      "transport_config",
      "access_points",
      "control_metadata",
      "fabric_ifaces",
      "devices",
      "bdev_list",
      "bdev_roles",
      "scm_list",
      "<<",
      "acceleration",
      "hostlist",
      "telemetry_retain",
    );
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 5 },
        text,
        fc.integer(),
        fc.constant(null),
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(key, tie("node"), { maxKeys: 5 }),
      ),
    })).node;
    fc.assert(
      fc.property(tree, (value) => everyReader(bytes(JSON.stringify(value)))),
      runs,
    );
  });
  test("a valid file with one byte changed", () => {
    const valid = bytes(twoEngines());
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, byte) => {
        const changed = valid.slice();
        changed[at] = byte;
        everyReader(changed);
      }),
      runs,
    );
  });
  test("an anchor that refers to itself", () => everyReader(bytes("engines: &a\n- *a\n")));
  test("a ring of merge keys", () => everyReader(bytes("transport_config: &a {<<: *a, cert: x}\n")));
});

describe("the active configuration", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "active-"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test("is left in the socket folder, readable by all", async () => {
    const { config } = readServer(twoEngines());
    const file = await saveActiveConfig({ ...config, socketDir: folder });
    expect(file).toBe(path.join(folder, activeConfigName));
    expect(fs.statSync(file).mode & 0o777).toBe(0o644);
    expect(fs.readdirSync(folder)).toEqual([activeConfigName]);
    const read = parseServerConfig(fs.readFileSync(file), file);
    expect(read.problems).toEqual([]);
    expect(read.config.engines).toEqual(config.engines);
  });
  test("cannot be left in a folder that does not exist, and leaves nothing behind", async () => {
    const { config } = readServer(twoEngines());
    await expect(saveActiveConfig({ ...config, socketDir: path.join(folder, "none") })).rejects.toThrow(
      /ENOENT/,
    );
  });
});
