import { describe, expect, test } from "bun:test";
import type { EngineConfig } from "../../src/config/types.ts";
import { engineArgs, engineEnv, type LaunchSettings } from "../../src/engine/launch.ts";
import { bdevTier, engineConfig, ramTier } from "../support/engine-config.ts";

const plain: LaunchSettings = {
  systemName: "daos_server",
  socketDir: "/var/run/daos_server",
  nvmeConfPath: undefined,
  memSizeMib: 0,
  hugepageSizeMib: 0,
  checker: false,
  fabricDomain: "lo",
};

/** Configurations and the command line that 2.6 makes of them (engine/config.go, its tags in struct order). */
const table: readonly [string, Partial<EngineConfig>, Partial<LaunchSettings>, string][] = [
  [
    "the recorded start",
    {},
    {},
    "-t 1 -x 0 -g daos_server -d /var/run/daos_server -T 1 -I 0 -r 0 -H 0 -s /mnt/daos",
  ],
  [
    "the recorded start in checker mode",
    {},
    { checker: true },
    "-t 1 -x 0 -g daos_server -d /var/run/daos_server -T 1 -I 0 -r 0 -H 0 -C -s /mnt/daos",
  ],
  [
    "everything at once",
    {
      index: 2,
      modules: "foo,bar,baz",
      targets: 4,
      nrXsHelpers: 1,
      firstCore: 8,
      bypassHealthChk: true,
      secondaryProviderEndpoints: [2, 3],
      pinnedNumaNode: 1,
      storage: [ramTier("/mnt/test"), bdevTier({ class: "nvme", bdevList: ["0000:81:00.0"] })],
    },
    {
      systemName: "test-system",
      socketDir: "/var/run/foo",
      nvmeConfPath: "/mnt/test/daos_nvme.conf",
      memSizeMib: 8192,
      hugepageSizeMib: 2,
      checker: true,
    },
    "-m foo,bar,baz -t 4 -x 1 -f 8 -g test-system -d /var/run/foo -T 2 -n /mnt/test/daos_nvme.conf " +
      "-b -S 2,3 -p 1 -I 2 -r 8192 -H 2 -C -s /mnt/test",
  ],
  [
    "a core and a node of number zero, which are not absent",
    { firstCore: 0, pinnedNumaNode: 0, bypassHealthChk: false },
    {},
    "-t 1 -x 0 -f 0 -g daos_server -d /var/run/daos_server -T 1 -p 0 -I 0 -r 0 -H 0 -s /mnt/daos",
  ],
];

describe("the command line of an engine", () => {
  test.each(table)("for %s is that of 2.6", (_, config, settings, line) => {
    expect(engineArgs(engineConfig(config), { ...plain, ...settings }).join(" ")).toBe(line);
  });
});

function envOf(
  config: Partial<EngineConfig>,
  inherited: Record<string, string> = {},
  fabricDomain: string | undefined = "lo",
): string {
  const env = engineEnv(engineConfig(config), { fabricDomain }, inherited);
  return Object.entries(env)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

describe("the environment of an engine", () => {
  test("is exactly the recorded one, whatever ours holds", () => {
    const config = { logFile: "/tmp/engine.log", logMask: "INFO" };
    expect(envOf(config, { HOME: "/root", PATH: "/bin", D_PORT: "1" })).toBe(
      "CRT_TIMEOUT=0 D_DOMAIN=lo D_INTERFACE=lo D_LOG_FILE=/tmp/engine.log D_LOG_MASK=INFO D_PORT=31416 " +
        "D_PROVIDER=ofi+tcp FI_OFI_RXM_USE_SRX=1",
    );
  });

  test.each([
    ["shared receive off", { disableSrx: true }, "FI_OFI_RXM_USE_SRX=0"],
    ["a timeout", { crtTimeout: 30 }, "CRT_TIMEOUT=30"],
    ["a fabric key", { fabricAuthKey: "cxi_auth:1" }, "D_PROVIDER_AUTH_KEY=cxi_auth:1"],
    ["files as devices", { storage: [ramTier("/m"), bdevTier()] }, "VOS_BDEV_CLASS=AIO"],
    ["kernel devices", { storage: [ramTier("/m"), bdevTier({ class: "kdev" })] }, "VOS_BDEV_CLASS=AIO"],
    ["NVMe", { storage: [ramTier("/m"), bdevTier({ class: "nvme" })] }, "VOS_BDEV_CLASS=NVME"],
    ["env_vars", { envVars: ["DAOS_TARGET_OVERSUBSCRIBE=1"] }, "DAOS_TARGET_OVERSUBSCRIBE=1"],
    ["a value that holds an equals sign", { envVars: ["A=b=c"] }, "A=b=c"],
    ["a domain of its own", { envVars: ["D_DOMAIN=mlx5_1"] }, "D_DOMAIN=mlx5_1"],
  ] as const)("with %s is that of 2.6", (_, config, pair) => {
    expect(envOf(config as Partial<EngineConfig>).split(" ")).toContain(pair);
  });

  test("takes over what env_pass_through names, and nothing empty", () => {
    const passed = envOf(
      { envPassThrough: ["LD_LIBRARY_PATH", "EMPTY", "ABSENT"] },
      {
        LD_LIBRARY_PATH: "/opt/lib",
        EMPTY: "",
        OTHER: "x",
      },
    );
    expect(passed).toContain("LD_LIBRARY_PATH=/opt/lib");
    expect(passed).not.toMatch(/EMPTY|ABSENT|OTHER/);
  });

  test("lets keys of the configuration win over env_vars, and those over what is passed through", () => {
    const config = { envVars: ["CRT_TIMEOUT=99", "A=config"], envPassThrough: ["A"], crtTimeout: 5 };
    const env = envOf(config, { A: "inherited" });
    expect(env).toContain("CRT_TIMEOUT=5");
    expect(env).toContain("A=config");
  });

  test("has no port and no interface where the configuration has none", () => {
    expect(envOf({ fabricIfacePort: undefined, fabricIface: undefined })).not.toMatch(/D_PORT|D_INTERFACE/);
  });

  test("carries subsystems inside the log masks", () => {
    const env = envOf({ logMask: "DEBUG", envVars: ["DD_SUBSYS=mgmt,pool", "DD_MASK=rebuild"] });
    expect(env).toContain("D_LOG_MASK=ERR,mgmt=DBUG,pool=DBUG");
    expect(env).toContain("DD_MASK=rebuild");
    expect(env).not.toContain("DD_SUBSYS");
  });

  test("of entries with one name the first counts, as in 2.6", () => {
    expect(envOf({ envVars: ["A=1", "A=2"] })).toContain("A=1");
  });
});
