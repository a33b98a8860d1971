import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NetDevice } from "../../src/hardware/netdev.ts";
import { type NetDevState, readNetDevState } from "../../src/hardware/netdev-state.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { awaitFabricReady } from "../../src/services/agent/fabric-ready.ts";
import { tempFolder } from "../support/temp.ts";

async function lay(root: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  }
}

const port = (device: string, number: number) =>
  `class/net/ib0/device/infiniband/${device}/ports/${number}/state`;

describe("the state of an interface", () => {
  test.each([
    ["1", "up", "ready"],
    ["1", "down", "down"],
    ["1", "lowerlayerdown", "down"],
    ["1", "dormant", "coming"],
    ["1", "unknown", "unknown"],
    ["772", "unknown", "ready"],
    ["772", "down", "down"],
  ])("of kind %s that is %j is %j", async (type, operstate, state) => {
    await using root = await tempFolder();
    await lay(root.path, { "class/net/x/type": type, "class/net/x/operstate": operstate });
    expect(await readNetDevState("x", root.path)).toBe(state as NetDevState);
  });

  test.each([
    [["4: ACTIVE"], "ready"],
    [["4: ACTIVE", "1: DOWN"], "ready"],
    [["1: DOWN"], "down"],
    [["2: INIT"], "coming"],
    [["4: ACTIVE", "3: ARMED"], "coming"],
    [["0: NOP"], "unknown"],
  ])("of InfiniBand is that of its ports: %j is %j", async (ports, state) => {
    await using root = await tempFolder();
    const files = Object.fromEntries(ports.map((text, index) => [port("mlx5_0", index + 1), text]));
    await lay(root.path, { "class/net/ib0/type": "32", "class/net/ib0/operstate": "down", ...files });
    expect(await readNetDevState("ib0", root.path)).toBe(state as NetDevState);
  });

  test("of a partition of the fabric is that of its parent", async () => {
    await using root = await tempFolder();
    await lay(root.path, {
      "class/net/ib0/type": "32",
      [port("mlx5_0", 1)]: "4: ACTIVE",
      "class/net/ib0.8001/type": "32",
      "class/net/ib0.8001/parent": "ib0",
      "devices/virtual/net/ib0.8001/mtu": "1500",
    });
    expect(await readNetDevState("ib0.8001", root.path)).toBe("ready");
  });

  test("of one that is not there is unknown", async () => {
    await using root = await tempFolder();
    expect(await readNetDevState("none", root.path)).toBe("unknown");
  });
});

describe("waiting for the fabric", () => {
  const device = (name: string, deviceClass: number): NetDevice => ({
    name,
    deviceClass,
    numaNode: 0,
    rdmaDevices: [],
    ready: true,
    hasAddress: true,
  });
  const devices = [device("eth0", 1), device("ib0", 32), device("ib1", 32)];

  async function wait(states: Record<string, NetDevState[]>, signal = new AbortController().signal) {
    const asked: string[] = [];
    await awaitFabricReady(devices, 32, {
      log: silentLogger,
      signal,
      pollMs: 1,
      async readState(name) {
        asked.push(name);
        const left = states[name]!;
        return left.length > 1 ? left.shift()! : left[0]!;
      },
    });
    return asked;
  }

  test("ends when all that are coming have come; those that are down are not waited for", async () => {
    const asked = await wait({ ib0: ["coming", "coming", "ready"], ib1: ["down"] });
    expect(asked).toEqual(["ib0", "ib1", "ib0", "ib0"]);
  });

  test("does not begin for interfaces of another kind", async () => {
    expect(await wait({ ib0: ["ready"], ib1: ["ready"] })).toEqual(["ib0", "ib1"]);
  });

  test("ends with the agent", async () => {
    const stop = new AbortController();
    stop.abort(new Error("stopping"));
    await expect(wait({ ib0: ["coming"], ib1: ["ready"] }, stop.signal)).rejects.toThrow("stopping");
  });
});
