import { describe, expect, test } from "bun:test";
import { defaultServerConfig } from "../../src/config/defaults.ts";
import { loadServerConfig, parseServerConfig } from "../../src/config/server.ts";
import { isFault } from "../../src/faults/fault.ts";
import { bytes, codes, oneEngine, problemsOf, readServer } from "./support.ts";

/** The first problem as a compiler would show it. */
function first(text: string): string {
  const problem = readServer(text).problems[0] ?? problemsOf(text)[0];
  if (problem === undefined) return "none";
  const { position, fault } = problem;
  return `${position?.line}:${position?.column} ${fault.code} ${fault.description}`;
}

describe("a server configuration", () => {
  test("that is empty is all defaults", () => {
    for (const text of ["", "# only a comment\n", "---\n", "{}"]) {
      const { config, problems } = readServer(text);
      expect(problems).toEqual([]);
      expect(config).toEqual({ ...defaultServerConfig(), configPath: "daos_server.yml" });
    }
  });

  test("keeps the defaults of transport keys that are not given", () => {
    const { config } = readServer("transport_config:\n  allow_insecure: yes\n  cert: /c.crt\n");
    expect(config.transportConfig).toEqual({
      allowInsecure: true,
      caCert: "/etc/daos/certs/daosCA.crt",
      cert: "/c.crt",
      key: "/etc/daos/certs/server.key",
      clientCertDir: "/etc/daos/certs/clients",
    });
  });

  test("lets engines inherit the fabric keys they do not set, but not bypass_health_chk", () => {
    const { config } = readServer(`provider: ofi+tcp
crt_timeout: 30
disable_srx: true
fabric_auth_key: a:b
bypass_health_chk: true
engines:
- fabric_iface: ib0
- crt_timeout: 7
`);
    const [a, b] = config.engines;
    expect(a).toMatchObject({
      provider: "ofi+tcp",
      crtTimeout: 30,
      disableSrx: true,
      fabricAuthKey: "a:b",
      fabricIface: "ib0",
    });
    expect(a?.bypassHealthChk).toBeUndefined();
    expect(b?.crtTimeout).toBe(7);
    expect(config.clientEnvVars).toEqual(["D_PROVIDER_AUTH_KEY=a:b"]);
  });

  test("takes mgmt_svc_replicas for access_points, and refuses both", () => {
    expect(readServer("mgmt_svc_replicas: [a, b, c]\n").config.accessPoints).toEqual(["a", "b", "c"]);
    expect(first("access_points: [a]\nmgmt_svc_replicas: [a]\n")).toMatch(/^2:1 705 both/);
  });

  test("ignores modules of the file, as 2.6 does", () => {
    expect(
      readServer(oneEngine((t) => t.replace("- targets", "- modules: vos\n  targets"))).config.engines[0]
        ?.modules,
    ).toBeUndefined();
  });

  test("leaves out empty tiers and numbers the others", () => {
    const { config } = readServer(oneEngine((t) => t.replace("  - class: ram", "  -\n  - class: ram")));
    expect(config.engines[0]?.storage.map((tier) => [tier.tier, tier.class])).toEqual([[0, "ram"]]);
  });

  test("follows anchors and merge keys", () => {
    const { config, problems } = readServer(`engines:
- &base
  targets: 4
  fabric_iface: ib0
- <<: *base
  fabric_iface: ib1
`);
    expect(problems).toEqual([]);
    expect(config.engines.map((e) => [e.targets, e.fabricIface])).toEqual([
      [4, "ib0"],
      [4, "ib1"],
    ]);
  });

  test("reads numbers in every notation and text that looks like a number", () => {
    const { config } = readServer("core_dump_filter: 0x13\nport: 010\nname: 42\nfault_path: /1/2\n");
    expect(config).toMatchObject({ coreDumpFilter: 0x13, port: 8, name: "42" });
  });

  test("takes an engine's optional sections with their defaults", () => {
    const { config } = readServer(`engines:
- acceleration: {engine: spdk}
  spdk_rpc_server: {enable: true, sock_addr: /tmp/s}
  bdev_auto_faulty: {max_io_errs: 3}
- acceleration: {options: [move]}
`);
    expect(config.engines[0]).toMatchObject({
      acceleration: { engine: "spdk", options: ["crc", "move"] },
      spdkRpcServer: { enable: true, sockAddr: "/tmp/s" },
      bdevAutoFaulty: { enable: false, maxIoErrs: 3, maxCsumErrs: 0 },
    });
    expect(config.engines[1]?.acceleration).toEqual({ engine: "none", options: [] });
  });
});

describe("a wrong key or value is named with line, column and advice", () => {
  const cases: [string, string, RegExp][] = [
    ["a misspelt key", "provder: ofi+tcp\n", /^1:1 701 unknown key "provder"; did you mean "provider"\?/],
    [
      "the former list of engines",
      "servers: []\n",
      /^1:1 701 unknown key "servers"; the list is called "engines"/,
    ],
    ["a singular list", "engine: []\n", /did you mean "engines"/],
    ["an engine key at the top", "targets: 3\n", /it belongs in an entry of "engines"/],
    [
      "a tier key in an engine",
      "engines:\n- scm_mount: /mnt\n",
      /^2:3 701 .* in engines\[0\]; it belongs in a tier/,
    ],
    [
      "a misspelt key of a section",
      "transport_config:\n  ca_crt: x\n",
      /^2:3 701 unknown key "ca_crt" in transport_config; did you mean "ca_cert"/,
    ],
    ["text for a number", "name: d\nport: ten\n", /^2:1 701 "port" takes a whole number, not "ten"/],
    ["a quoted number", 'port: "10001"\n', /takes a whole number/],
    ["a fraction", "port: 1.5\n", /takes a whole number/],
    ["a number out of range", "core_dump_filter: 256\n", /takes a number from 0 to 255, not 256/],
    ["a negative unsigned", "engines:\n- crt_timeout: -1\n", /^2:3 701 "crt_timeout" takes a number from 0/],
    ["a quoted truth value", 'disable_vfio: "true"\n', /takes true or false/],
    [
      "one host where a list is wanted",
      "access_points: node1\n",
      /^1:1 701 "access_points" takes a list, not "node1"/,
    ],
    ["a section where text is wanted", "name: {a: b}\n", /takes text, not a section of keys/],
    ["a list where a section is wanted", "transport_config: [a]\n", /takes a section of keys, not a list/],
    ["a wrong entry of a list", "bdev_exclude: [[a]]\n", /^1:16 701/],
    ["an unknown log level", "control_log_mask: gandalf\n", /takes a log level \(DISABLED/],
    [
      "an unknown class",
      oneEngine((t) => t.replace("class: ram", "class: rram")),
      /^8:5 701 .*storage class.*did you mean ram/,
    ],
    ["a file that is no mapping", "One ring\n", /^1:1 701 the file takes a section of keys, not "One ring"/],
    ["broken YAML", "name: a\nhosts: ['a','b,'c']\n", /^2:\d+ 701 not valid YAML/],
    ["a key given twice", "name: a\nname: b\n", /^2:1 701 not valid YAML.*unique/],
    ["two documents", "name: a\n---\nname: b\n", /not valid YAML/],
    ["an empty system name", 'name: ""\n', /^1:1 701 invalid system name/],
    ["a system name of 16 bytes", "name: abcdefghijklmnop\n", /invalid system name/],
    ["two providers", "provider: ofi+tcp,ofi+verbs\n", /^1:1 701 .*more than one provider/],
    ["an empty entry of engines", "engines:\n-\n", /an entry of engines is empty/],
    [
      "a bad bus range",
      oneEngine(
        (t) => `${t}  - class: nvme\n    bdev_list: ["0000:81:00.0"]\n    bdev_busid_range: 0x80-0x8g\n`,
      ),
      /^12:5 701 invalid busid range/,
    ],
    [
      "an unknown role",
      oneEngine((t) => `${t}  - class: nvme\n    bdev_list: ["0000:81:00.0"]\n    bdev_roles: [foobar]\n`),
      /^12:5 308 unknown option flag given: "foobar"/,
    ],
    ["an unknown acceleration engine", "engines:\n- acceleration: {engine: native}\n", /^2:3 307 .*"native"/],
    ["an empty acceleration engine", "engines:\n- acceleration:\n    engine:\n", /307/],
    ["an unknown acceleration option", "engines:\n- acceleration: {engine: dml, options: [bar]}\n", /308/],
  ];
  for (const [what, text, shown] of cases) test(what, () => expect(first(text)).toMatch(shown));

  test("all of them at once, in the order of the file", () => {
    const text = "nmae: x\nport: ten\nengines:\n- tragets: 1\n  first_core: x\n";
    const lines = problemsOf(text).map((problem) => problem.position?.line ?? 0);
    expect(lines).toEqual([...lines].sort());
    expect(new Set(lines)).toEqual(new Set([1, 2, 4, 5]));
    expect(codes("nmae: x\nport: ten\n")).toEqual(["701@nmae", "701@port"]);
  });

  test("a value that could not be read is not complained of a second time", () => {
    expect(codes(oneEngine((t) => t.replace("targets: 8", "targets: x")))).toEqual([
      "701@engines[0].targets",
    ]);
    expect(codes(oneEngine((t) => t.replace("class: ram", "class: rom")))).toEqual([
      "701@engines[0].storage[0].class",
    ]);
  });

  test("a tier without a class is told apart from a wrong one", () => {
    expect(codes(oneEngine((t) => t.replace("class: ram\n    ", "")))).toEqual(["216@engines[0].storage[0]"]);
    expect(codes(oneEngine((t) => `${t}  - bdev_list: [/dev/sda]\n`))).toEqual(["701@engines[0].storage[1]"]);
  });

  test("a file that is not text, or far too large, is refused", () => {
    expect(parseServerConfig(new Uint8Array([0xff, 0xfe, 0x00]), "f").problems[0]?.fault.description).toMatch(
      /UTF-8/,
    );
    expect(parseServerConfig(new Uint8Array(5 << 20), "f").problems[0]?.fault.description).toMatch(
      /larger than/,
    );
    expect(parseServerConfig(bytes("[".repeat(200_000)), "f").problems.length).toBe(1);
  });
});

describe("loading a file", () => {
  test("needs a path (702) and a readable file (701)", async () => {
    const failed = async (path: string) => loadServerConfig(path).catch((error: unknown) => error);
    expect(isFault(await failed(""), 702)).toBe(true);
    const missing = await failed("/no/such/daos_server.yml");
    expect(isFault(missing, 701)).toBe(true);
    expect(String(missing)).toContain("/no/such/daos_server.yml");
  });
});
