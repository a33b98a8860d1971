import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { settleAffinity } from "../../src/config/affinity.ts";
import { serverFaultDomain } from "../../src/config/fault-domain.ts";
import { applyServerOverrides } from "../../src/config/overrides.ts";
import { isScmTier, type ServerConfig } from "../../src/config/types.ts";
import { validateServerConfig } from "../../src/config/validate.ts";
import { isFault } from "../../src/faults/fault.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { oneEngine, readServer, twoEngines } from "./support.ts";

describe("flags of daos_server start", () => {
  const base = () => readServer(twoEngines()).config;
  test("replace what the file says, and leave the file's configuration as it was", () => {
    const config = base();
    const changed = applyServerOverrides(config, {
      port: 4242,
      modules: "vos,rdb",
      targets: 3,
      xshelpernr: 0,
      firstcore: 2,
      group: "other",
      socketDir: "/s",
      insecure: true,
    });
    expect(changed).toMatchObject({
      port: 4242,
      name: "other",
      socketDir: "/s",
      transportConfig: { allowInsecure: true },
    });
    for (const engine of changed.engines) {
      expect(engine).toMatchObject({ modules: "vos,rdb", targets: 3, nrXsHelpers: 0, firstCore: 2 });
    }
    expect(config).toEqual(base());
  });
  test("that are not given change nothing", () => {
    expect(applyServerOverrides(base(), {})).toEqual(base());
    expect(
      applyServerOverrides(base(), { port: 0, targets: 0, storage: "", group: "", insecure: false }),
    ).toEqual(base());
  });
  test("--storage moves the first memory tier, and needs one", () => {
    const moved = applyServerOverrides(base(), { storage: "/elsewhere" });
    expect(moved.engines.map((e) => e.storage.find(isScmTier)?.scmMount)).toEqual([
      "/elsewhere",
      "/mnt/daos1",
    ]);
    expect(() => applyServerOverrides(readServer("").config, { storage: "/x" })).toThrow(/zero engines/);
  });
  test("keep line numbers for the problems found later", () => {
    const changed = applyServerOverrides(readServer(oneEngine()).config, { targets: 0, port: 70000 });
    changed.engines[0]!.targets = 0;
    expect(() => validateServerConfig(changed)).toThrow(/daos_server\.yml:1:1: invalid control port/);
  });
});

describe("cores of the engines", () => {
  /** Settles engines given as flow mappings; the interface "ibN" is on node N. */
  function settle(engines: string[], detect = true) {
    const { config } = readServer(`engines:\n${engines.map((e) => `- {${e}}\n`).join("")}`);
    const node = (iface: string | undefined) => (detect ? Number(iface?.slice(2)) : undefined);
    settleAffinity(config, (engine) => node(engine.fabricIface), silentLogger);
    return config.engines.map((e) => [e.pinnedNumaNode, e.firstCore]);
  }
  const cases: [string, string[], boolean, (number | undefined)[][]][] = [
    [
      "two engines are pinned to their interfaces' nodes",
      ["fabric_iface: ib1", "fabric_iface: ib2"],
      true,
      [
        [1, undefined],
        [2, undefined],
      ],
    ],
    [
      "two engines on one node are both pinned to it",
      ["fabric_iface: ib0", "fabric_iface: ib0"],
      true,
      [
        [0, undefined],
        [0, undefined],
      ],
    ],
    [
      "two engines of unknown place are pinned to node 0",
      ["fabric_iface: ib1", "fabric_iface: ib2"],
      false,
      [
        [0, undefined],
        [0, undefined],
      ],
    ],
    ["one engine on node 0 is free", ["fabric_iface: ib0"], true, [[undefined, undefined]]],
    ["one engine of unknown place is free", ["fabric_iface: ib0"], false, [[undefined, undefined]]],
    ["one engine on another node is pinned", ["fabric_iface: ib1"], true, [[1, undefined]]],
    [
      "a configured node holds",
      ["pinned_numa_node: 2, fabric_iface: ib1", "pinned_numa_node: 1, fabric_iface: ib2"],
      true,
      [
        [2, undefined],
        [1, undefined],
      ],
    ],
    [
      "first_core in use turns pinning off",
      ["first_core: 1, fabric_iface: ib1", "first_core: 2, pinned_numa_node: 1"],
      true,
      [
        [undefined, 1],
        [undefined, 2],
      ],
    ],
    [
      "first_core 0 beside a node is ignored",
      ["first_core: 0, pinned_numa_node: 1, fabric_iface: ib1"],
      true,
      [[1, undefined]],
    ],
    ["first_core 0 alone counts", ["first_core: 0, fabric_iface: ib1"], true, [[undefined, 0]]],
  ];
  for (const [what, engines, detect, expected] of cases)
    test(what, () => expect(settle(engines, detect)).toEqual(expected as never));
});

describe("the fault domain", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fault-domain-")));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  function script(name: string, body: string, mode = 0o755): string {
    const file = path.join(folder, name);
    fs.writeFileSync(file, `#!/bin/sh\n${body}\n`);
    fs.chmodSync(file, mode);
    return file;
  }
  const code = async (config: Pick<ServerConfig, "faultPath" | "faultCb">) =>
    serverFaultDomain(config, folder).then(
      (domain) => domain,
      (error: unknown) => (isFault(error) ? error.code : error),
    );

  test("is the host's name by default", async () => {
    expect(await code({})).toBe(`/${os.hostname().toLowerCase()}`);
  });
  test("is the path, in lower case", async () =>
    expect(await code({ faultPath: " /Rack1/ Node7 " })).toBe("/rack1/node7"));
  test("is what the script prints", async () =>
    expect(await code({ faultCb: script("good", "echo /r1/h2") })).toBe("/r1/h2"));
  const cases: [string, () => Pick<ServerConfig, "faultPath" | "faultCb">, number][] = [
    ["path and script", () => ({ faultPath: "/a", faultCb: "/b" }), 722],
    ["a bad path", () => ({ faultPath: "a" }), 717],
    ["a deep path", () => ({ faultPath: "/a/b/c" }), 724],
    ["no script", () => ({ faultCb: path.join(folder, "none") }), 718],
    ["a script elsewhere", () => ({ faultCb: "/bin/true" }), 719],
    ["a script that others may write", () => ({ faultCb: script("open", "echo /a", 0o777) }), 719],
    ["a setuid script", () => ({ faultCb: script("suid", "echo /a", 0o4755) }), 719],
    ["a script that may not be run", () => ({ faultCb: script("plain", "echo /a", 0o644) }), 720],
    ["a script that fails", () => ({ faultCb: script("fails", "echo why >&2; exit 3") }), 721],
    ["a silent script", () => ({ faultCb: script("silent", "true") }), 723],
    ["a script that prints nonsense", () => ({ faultCb: script("nonsense", "echo hello") }), 717],
  ];
  for (const [what, config, expected] of cases)
    test(`${what}: ${expected}`, async () => expect(await code(config())).toBe(expected));
  test("a symbolic link: 719", async () => {
    const link = path.join(folder, "link");
    fs.symlinkSync(script("target", "echo /a"), link);
    expect(await code({ faultCb: link })).toBe(719);
  });
});
