import { describe, expect, test } from "bun:test";
import { prepareServerConfig, validateServerConfig } from "../../src/config/validate.ts";
import { isFault } from "../../src/faults/fault.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { codes, oneEngine, problemsOf, readServer, twoEngines, withStorage } from "./support.ts";

const ram = "{class: ram, scm_mount: /mnt/daos0}";
const dcpm = "{class: dcpm, scm_mount: /mnt/daos0, scm_list: [/dev/pmem0]}";
const nvme = (bus: string, roles = "") =>
  `{class: nvme, bdev_list: ["0000:${bus}:00.0"]${roles === "" ? "" : `, bdev_roles: [${roles}]`}}`;

describe("sound configurations", () => {
  const sound: [string, string][] = [
    ["nothing: discovery", ""],
    ["no engines, whatever the access points", "access_points: [a, b]\n"],
    ["one engine", oneEngine()],
    ["two engines", twoEngines()],
    ["three access points with ports", oneEngine((t) => t.replace("[node1]", "[a:1, b:2, c:3]"))],
    ["the same host on two ports, and a third", oneEngine((t) => t.replace("[node1]", "['a:10002', b, a]"))],
    ["IPv6 access points", oneEngine((t) => t.replace("[node1]", "['[::1]', '[fe80::1%eth0]:4', b]"))],
    ["a ram tier of 4 GiB", withStorage(["{class: ram, scm_mount: /m, scm_size: 4}"], "")],
    ["ram and one tier without roles", withStorage([ram, nvme("81")], "")],
    ["dcpm and one tier", withStorage([dcpm, nvme("81")], "")],
    ["all roles on one tier", withStorage([ram, nvme("81", "wal,meta,data")])],
    ["roles on two tiers", withStorage([ram, nvme("81", "wal"), nvme("82", "meta,data")])],
    ["roles on three tiers", withStorage([ram, nvme("81", "wal"), nvme("82", "meta"), nvme("83", "data")])],
    [
      "roles on files",
      withStorage([ram, "{class: file, bdev_list: [/tmp/a], bdev_size: 4, bdev_roles: [wal,meta,data]}"]),
    ],
    ["a role list that begins with na", withStorage([ram, nvme("81", "na,wal")], "")],
    ["kernel block devices", withStorage([ram, "{class: kdev, bdev_list: [/dev/sda]}"], "")],
    ["a telemetry port of 0", oneEngine((t) => `telemetry_port: 0\n${t}`)],
    [
      "log words of the engine",
      oneEngine((t) =>
        t.replace(
          "  storage",
          "  log_mask: ERR,mgmt=debug\n  env_vars: [DD_MASK=mgmt, 'DD_SUBSYS=pool,rdb']\n  storage",
        ),
      ),
    ],
    [
      "first_core 0 with a pinned node",
      oneEngine((t) => t.replace("  storage", "  first_core: 0\n  pinned_numa_node: 1\n  storage")),
    ],
    [
      "different numbers of devices",
      twoEngines((t) => t.replace('"0000:c1:00.0"', '"0000:c1:00.0", "0000:c2:00.0"')),
    ],
  ];
  for (const [what, text] of sound) test(what, () => expect(codes(text)).toEqual([]));
});

describe("of the whole server", () => {
  const cases: [string, string, string[]][] = [
    ["no provider", oneEngine((t) => t.replace("provider: ofi+tcp\n", "")), ["707@provider"]],
    ["no access point", oneEngine((t) => t.replace("[node1]", "[]")), ["705@access_points"]],
    ["two access points", oneEngine((t) => t.replace("[node1]", "[a, b]")), ["706@access_points"]],
    ["an access point twice", oneEngine((t) => t.replace("[node1]", "[a, b, a]")), ["705@access_points[2]"]],
    [
      "an access point with and without port",
      oneEngine((t) => t.replace("[node1]", "['a:10001', b, a]")),
      ["705@access_points[2]"],
    ],
    ["a port that is no number", oneEngine((t) => t.replace("node1", "'a:0a0'")), ["703@access_points[0]"]],
    ["port 0 of an access point", oneEngine((t) => t.replace("node1", "'a:0'")), ["703@access_points[0]"]],
    [
      "a negative port of an access point",
      oneEngine((t) => t.replace("node1", "'a:-10002'")),
      ["703@access_points[0]"],
    ],
    ["a bare IPv6 address", oneEngine((t) => t.replace("node1", "'fe80::1'")), ["705@access_points[0]"]],
    ["an empty access point", oneEngine((t) => t.replace("node1", "''")), ["705@access_points[0]"]],
    [
      "the newer name in places",
      oneEngine((t) => t.replace("access_points: [node1]", "mgmt_svc_replicas: [a, b]")),
      ["706@mgmt_svc_replicas"],
    ],
    ["control port 0", oneEngine((t) => `port: 0\n${t}`), ["703@port"]],
    ["control port 65536", oneEngine((t) => `port: 65536\n${t}`), ["703@port"]],
    ["a negative telemetry port", oneEngine((t) => `telemetry_port: -123\n${t}`), ["704@telemetry_port"]],
    ["hugepages below 0", oneEngine((t) => `nr_hugepages: -2048\n${t}`), ["725@nr_hugepages"]],
    ["hugepages above int32", oneEngine((t) => `nr_hugepages: 2147483648\n${t}`), ["725@nr_hugepages"]],
    [
      "no memory for the system",
      oneEngine((t) => `system_ram_reserved: 0\n${t}`),
      ["734@system_ram_reserved"],
    ],
    [
      "a metadata device without a path",
      oneEngine((t) => `control_metadata: {device: /dev/sdb}\n${t}`),
      ["729@control_metadata"],
    ],
    ["fault path and callback", "fault_path: /a/b\nfault_cb: /etc/daos/cb\n", ["722@fault_cb"]],
    ["a fault path without root", "fault_path: rack\n", ["717@fault_path"]],
    ["a fault path of the root alone", "fault_path: /\n", ["717@fault_path"]],
    ["a fault path with a hole", "fault_path: /a//b\n", ["717@fault_path"]],
    ["a fault path of three levels", "fault_path: /a/b/c\n", ["724@fault_path"]],
  ];
  for (const [what, text, found] of cases) test(what, () => expect(codes(text)).toEqual(found));

  test("one access point alone is worth a notice", () => {
    const lines: string[] = [];
    validateServerConfig(readServer(oneEngine()).config, {
      ...silentLogger,
      notice: (line) => lines.push(line),
    });
    expect(lines.join()).toContain("only one access point");
  });

  test("the control port completes the access points", () => {
    const { config } = readServer(oneEngine((t) => `port: 20000\n${t.replace("[node1]", "[a, 'b:7', c]")}`));
    expect(validateServerConfig(config).accessPoints).toEqual(["a:20000", "b:7", "c:20000"]);
    expect(config.accessPoints).toEqual(["a", "b:7", "c"]);
  });
});

describe("of one engine", () => {
  const engine = (from: string, to: string) => oneEngine((t) => t.replace(from, to));
  const at = (key: string) => `701@engines[0].${key}`;
  const cases: [string, string, string[]][] = [
    ["no targets", engine("targets: 8", "targets: 0"), [at("targets")]],
    ["targets absent", engine("- targets: 8\n  ", "- "), [at("targets")]],
    ["negative targets", engine("targets: 8", "targets: -1"), [at("targets")]],
    ["negative helpers", engine("  storage", "  nr_xs_helpers: -1\n  storage"), [at("nr_xs_helpers")]],
    ["negative first core", engine("  storage", "  first_core: -1\n  storage"), [at("first_core")]],
    ["no interface", engine("  fabric_iface: eth0\n", ""), [at("fabric_iface")]],
    ["no fabric port", engine("  fabric_iface_port: 31316\n", ""), [at("fabric_iface_port")]],
    ["fabric port 0", engine("31316", "0"), [at("fabric_iface_port")]],
    ["a negative fabric port", engine("31316", "-1"), [at("fabric_iface_port")]],
    ["two interfaces for one provider", engine("eth0", "eth0,eth1"), [at("fabric_iface")]],
    ["an unknown log level", engine("  storage", "  log_mask: LOUD\n  storage"), [at("log_mask")]],
    ["a level for all", engine("  storage", "  log_mask: 'ERR,ALL=DEBUG'\n  storage"), [at("log_mask")]],
    ["an unknown subsystem", engine("  storage", "  log_mask: 'ERR,HAL=DEBUG'\n  storage"), [at("log_mask")]],
    [
      "an unknown debug stream",
      engine("  storage", "  env_vars: [DD_MASK=river]\n  storage"),
      [at("env_vars")],
    ],
    [
      "all streams and one",
      engine("  storage", "  env_vars: ['DD_MASK=all,md']\n  storage"),
      [at("env_vars")],
    ],
    [
      "an unknown subsystem in DD_SUBSYS",
      engine("  storage", "  env_vars: [DD_SUBSYS=hal]\n  storage"),
      [at("env_vars")],
    ],
    ["no storage", engine("  storage:\n  - class: ram\n    scm_mount: /mnt/daos0\n", ""), [at("storage")]],
  ];
  for (const [what, text, found] of cases) test(what, () => expect(codes(text)).toEqual(found));

  test("log words that are passed through count too", () => {
    const { config } = readServer(engine("  storage", "  env_pass_through: [DD_MASK]\n  storage"));
    expect(() => validateServerConfig(config, silentLogger, { DD_MASK: "river" })).toThrow(/river/);
    expect(() => validateServerConfig(config, silentLogger, {})).not.toThrow();
  });

  test("an error of a start names file, line and column", () => {
    const { config } = readServer(engine("targets: 8", "targets: 0"));
    expect(() => validateServerConfig(config)).toThrow(/daos_server\.yml:4:3: target count must be nonzero/);
  });
});

describe("of an engine's storage", () => {
  const tier = (n: number, key: string) => `engines[0].storage[${n}]${key}`;
  const none = "";
  const cases: [string, string, string[]][] = [
    ["no memory tier", withStorage([nvme("81")], none), ["216@engines[0].storage"]],
    ["memory tier second", withStorage([nvme("81"), ram], none), [`701@${tier(1, "")}`]],
    ["two memory tiers", withStorage([ram, "{class: ram, scm_mount: /b}"], none), [`701@${tier(1, "")}`]],
    ["no mount point", withStorage(["{class: ram}"], none), [`701@${tier(0, ".scm_mount")}`]],
    [
      "ram with a device",
      withStorage(["{class: ram, scm_mount: /m, scm_list: [/dev/pmem0]}"], none),
      [`701@${tier(0, ".scm_list")}`],
    ],
    [
      "ram of 3 GiB",
      withStorage(["{class: ram, scm_mount: /m, scm_size: 3}"], none),
      [`730@${tier(0, ".scm_size")}`],
    ],
    [
      "dcpm with a size",
      withStorage(["{class: dcpm, scm_mount: /m, scm_size: 8, scm_list: [a]}"], none),
      [`701@${tier(0, ".scm_size")}`],
    ],
    [
      "dcpm without device",
      withStorage(["{class: dcpm, scm_mount: /m}"], none),
      [`701@${tier(0, ".scm_list")}`],
    ],
    [
      "dcpm with two devices",
      withStorage(["{class: dcpm, scm_mount: /m, scm_list: [a, b]}"], none),
      [`701@${tier(0, ".scm_list")}`],
    ],
    [
      "dcpm without huge pages",
      withStorage(["{class: dcpm, scm_mount: /m, scm_list: [a], scm_hugepages_disabled: true}"], none),
      [`701@${tier(0, ".scm_hugepages_disabled")}`],
    ],
    ["nvme without devices", withStorage([ram, "{class: nvme}"], none), [`701@${tier(1, ".bdev_list")}`]],
    [
      "nvme with a path",
      withStorage([ram, "{class: nvme, bdev_list: [/dev/nvme0]}"], none),
      [`701@${tier(1, ".bdev_list")}`],
    ],
    [
      "nvme with an odd address",
      withStorage([ram, '{class: nvme, bdev_list: ["0000:80a:00.0"]}'], none),
      [`701@${tier(1, ".bdev_list")}`],
    ],
    ["kdev without devices", withStorage([ram, "{class: kdev}"], none), [`701@${tier(1, ".bdev_list")}`]],
    [
      "file without size",
      withStorage([ram, "{class: file, bdev_list: [/a]}"], none),
      [`701@${tier(1, ".bdev_size")}`],
    ],
    [
      "file of negative size",
      withStorage([ram, "{class: file, bdev_list: [/a], bdev_size: -1}"], none),
      [`701@${tier(1, ".bdev_size")}`],
    ],
    [
      "file without devices",
      withStorage([ram, "{class: file, bdev_size: 1}"], none),
      [`701@${tier(1, ".bdev_list")}`],
    ],
    [
      "nvme and file",
      withStorage([ram, nvme("81"), "{class: file, bdev_list: [/a]}"], none),
      ["309@engines[0].storage"],
    ],
    ["two tiers without roles", withStorage([ram, nvme("81"), nvme("82")], none), [`315@${tier(2, "")}`]],
    [
      "two tiers without roles on dcpm",
      withStorage([dcpm, nvme("81"), nvme("82")], none),
      [`315@${tier(2, "")}`],
    ],
    ["roles on the first of two", withStorage([ram, nvme("81", "wal"), nvme("82")]), [`314@${tier(2, "")}`]],
    [
      "roles on the second of two",
      withStorage([ram, nvme("81"), nvme("82", "wal,meta,data")]),
      [`314@${tier(1, "")}`],
    ],
    [
      "wal and data without meta",
      withStorage([ram, nvme("81", "meta"), nvme("82", "wal,data")]),
      [`319@${tier(2, ".bdev_roles")}`],
    ],
    ["roles on dcpm", withStorage([dcpm, nvme("81", "wal,meta,data")]), [`312@${tier(1, ".bdev_roles")}`]],
    [
      "four tiers with roles",
      withStorage([ram, nvme("81", "wal"), nvme("82", "meta"), nvme("83", "data"), nvme("84", "data")]),
      [`316@${tier(4, "")}`],
    ],
    [
      "wal twice",
      withStorage([ram, nvme("81", "wal,meta,data"), nvme("82", "wal")]),
      [`313@${tier(2, ".bdev_roles")}`],
    ],
    [
      "meta twice",
      withStorage([ram, nvme("81", "wal,meta,data"), nvme("82", "meta")]),
      [`313@${tier(2, ".bdev_roles")}`],
    ],
    [
      "data twice",
      withStorage([ram, nvme("81", "wal,meta,data"), nvme("82", "data")]),
      [`313@${tier(2, ".bdev_roles")}`],
    ],
    ["no data", withStorage([ram, nvme("81", "wal,meta")]), ["313@engines[0].storage"]],
    ["data alone", withStorage([ram, nvme("81", "data")]), ["313@engines[0].storage"]],
    ["metadata path without roles", withStorage([ram, nvme("81")]), ["317@engines[0].storage"]],
    ["metadata path without block devices", withStorage([ram]), ["317@engines[0].storage"]],
    [
      "roles without metadata path",
      withStorage([ram, nvme("81", "wal,meta,data")], none),
      ["318@engines[0].storage"],
    ],
  ];
  for (const [what, text, found] of cases) test(what, () => expect(codes(text)).toEqual(found));
});

describe("of several engines", () => {
  const cases: [string, (text: string) => string, string][] = [
    [
      "one fabric address",
      (t) => t.replace("ib1", "ib0").replace("31416", "31316"),
      "709@engines[1].fabric_iface_port",
    ],
    ["one log file", (t) => t.replace("engine.1.log", "engine.0.log"), "710@engines[1].log_file"],
    ["one mount point", (t) => t.replace("/mnt/daos1", "/mnt/daos0"), "711@engines[1].storage[0].scm_mount"],
    ["one PMem device", (t) => t.replace("/dev/pmem1", "/dev/pmem0"), "712@engines[1].storage[0].scm_list"],
    ["one SSD", (t) => t.replace("0000:c1:00.0", "0000:81:00.0"), "713@engines[1].storage[1].bdev_list"],
    ["different targets", (t) => t.replace("targets: 8", "targets: 16"), "715@engines[1].targets"],
    [
      "different helpers",
      (t) => t.replace("nr_xs_helpers: 2", "nr_xs_helpers: 9"),
      "716@engines[1].nr_xs_helpers",
    ],
    [
      "different memory",
      (t) =>
        t.replace(
          "class: dcpm\n    scm_mount: /mnt/daos1\n    scm_list: [/dev/pmem1]",
          "class: ram\n    scm_mount: /mnt/daos1",
        ),
      "732@engines[1].storage[0].class",
    ],
  ];
  for (const [what, change, found] of cases)
    test(what, () => expect(codes(twoEngines(change))).toEqual([found]));

  test("the provider of the top wins, so engines cannot differ by it", () => {
    const { config } = readServer(
      oneEngine((t) => t.replace("- targets", "- provider: ofi+verbs\n  targets")),
    );
    expect(prepareServerConfig(config).engines[0]?.provider).toBe("ofi+tcp");
  });

  test("plain verbs gets its rxm layer", () => {
    const { config } = readServer(oneEngine((t) => t.replace("ofi+tcp", "ofi+verbs")));
    expect(prepareServerConfig(config).engines[0]?.provider).toBe("ofi+verbs;ofi_rxm");
    expect(config.provider).toBe("ofi+verbs");
  });

  test("all problems are listed, in the order of the file", () => {
    const text = twoEngines((t) => t.replaceAll("targets: 8", "targets: 0").replace("[node1]", "[a, b]"));
    expect(codes(text)).toEqual(["706@access_points", "701@engines[0].targets", "701@engines[1].targets"]);
    expect(() => validateServerConfig(readServer(text).config)).toThrow(/and 2 more/);
  });

  test("every problem says what to do", () => {
    const text = twoEngines((t) => t.replaceAll("targets: 8", "tragets: x").replace("[node1]", "[a, b]"));
    for (const { fault } of problemsOf(text)) expect(fault.resolution).not.toBe("");
    try {
      validateServerConfig(readServer(text).config);
      expect.unreachable();
    } catch (error) {
      expect(isFault(error, 706)).toBe(true);
    }
  });
});
