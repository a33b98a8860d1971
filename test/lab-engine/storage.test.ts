import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Der } from "../../src/lab/engine/der.ts";
import { openDevices, parseNvmeConfig } from "../../src/lab/engine/devices.ts";
import { createFrameReader, encodeFrame } from "../../src/lab/engine/frames.ts";
import { alignScm, openShards } from "../../src/lab/engine/shards.ts";
import { decodeJson, encodeJson, openDocuments } from "../../src/lab/engine/storage.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "engine-storage-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("documents", () => {
  test("what was put is there after opening again", async () => {
    const documents = await openDocuments(dir);
    await documents.put("a", { n: 1n << 60n, list: [1, "x"] });
    expect(await (await openDocuments(dir)).get("a")).toEqual({ n: 1n << 60n, list: [1, "x"] });
    await documents.remove("a");
    await documents.remove("a");
    expect(await documents.get("a")).toBeUndefined();
  });
  test("puts of one name end in the order they were asked for, and leave nothing behind", async () => {
    const documents = await openDocuments(dir);
    await Promise.all(Array.from({ length: 50 }, (_, i) => documents.put("a", i)));
    expect(await documents.get("a")).toBe(49);
    expect(await readdir(dir)).toEqual(["a.json"]);
  });
  test("an interrupted put is cleaned away, a damaged document is not taken for none", async () => {
    await writeFile(join(dir, "a.7.tmp"), "{");
    await writeFile(join(dir, "b.json"), "{");
    const documents = await openDocuments(dir);
    expect(await readdir(dir)).toEqual(["b.json"]);
    expect(documents.get("b")).rejects.toThrow();
  });
  test("JSON with wide numbers comes back as it was", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.integer(),
        fc.string(),
        fc.array(tie("any"), { maxLength: 4 }),
      ),
    })).any;
    fc.assert(fc.property(value, (v) => expect(decodeJson(encodeJson(v))).toEqual(v)));
  });
});

describe("frames", () => {
  test("messages survive any cutting of the stream", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (values, size) => {
          const stream = Buffer.concat(values.map(encodeFrame));
          const reader = createFrameReader();
          const got: unknown[] = [];
          for (let at = 0; at < stream.length; at += size)
            got.push(...reader.push(stream.subarray(at, at + size)));
          expect(got).toEqual(values);
        },
      ),
    );
  });
  test("an oversized announcement and bad JSON are refused", () => {
    expect(() => createFrameReader(16).push(Buffer.from([0, 0, 1, 0]))).toThrow();
    expect(() => createFrameReader().push(Buffer.from([0, 0, 0, 1, 0x7b]))).toThrow();
  });
});

describe("shards", () => {
  test("sizes are aligned as 2.6 aligns them", () => {
    expect(alignScm(512_000_000n, 1)).toBe(512_000_000n);
    expect(alignScm(1_000_000_000n, 1)).toBe(1_000_001_536n);
    expect(alignScm(1n, 4)).toBe(4n << 24n);
  });
  test("space that is taken is taken, over a restart too", async () => {
    const documents = await openDocuments(dir);
    const capacity = () => ({ scmBytes: 1n << 30n, nvmeBytes: 0n });
    const shards = await openShards(documents, 2, capacity);
    await shards.create("a", 600n << 20n, 0n);
    expect((await shards.create("a", 1n << 40n, 0n)).scmBytes).toBe(600n << 20n);
    expect(shards.create("b", 600n << 20n, 0n)).rejects.toMatchObject({ status: Der.NOSPACE });
    expect(shards.create("b", 0n, 1n << 30n)).rejects.toMatchObject({ status: Der.NOSPACE });
    const again = await openShards(documents, 2, capacity);
    expect(again.list().map((s) => s.uuid)).toEqual(["a"]);
    await again.destroy("a");
    await again.create("b", 600n << 20n, 0n);
  });
});

describe("devices", () => {
  const config = (...devices: object[]) =>
    JSON.stringify({ subsystems: [{ subsystem: "bdev", config: devices }] });
  const file = (name: string) => ({
    method: "bdev_aio_create",
    params: { name, block_size: 4096, filename: join(dir, name) },
  });
  test("names give the roles, addresses and files the size", () => {
    const { devices, vmd } = parseNvmeConfig(
      config({ method: "bdev_set_options", params: {} }, file("AIO_host_0_1_7"), {
        method: "bdev_nvme_attach_controller",
        params: { name: "Nvme_h_0_1_1", traddr: "0000:01:00.0" },
      }),
    );
    expect(devices.map((d) => [d.roles, d.address])).toEqual([
      [7, ""],
      [1, "0000:01:00.0"],
    ]);
    expect(vmd).toBe(false);
    expect(() => parseNvmeConfig("{")).toThrow();
  });
  test("devices keep their UUIDs and targets, a later one is a spare that can take over", async () => {
    const path = join(dir, "daos_nvme.conf");
    for (const name of ["AIO_h_0_1_0", "AIO_h_1_1_0", "AIO_h_2_1_0"]) {
      await Bun.write(join(dir, name), "");
      await Bun.$`truncate -s 1G ${join(dir, name)}`.quiet();
    }
    await writeFile(path, config(file("AIO_h_0_1_0"), file("AIO_h_1_1_0")));
    const documents = await openDocuments(join(dir, "d"));
    const first = await openDevices(path, 4, 0n, documents);
    expect(first.list().map((d) => d.targets)).toEqual([
      [0, 2],
      [1, 3],
    ]);
    expect(first.dataBytes()).toBe(2n << 30n);
    await writeFile(path, config(file("AIO_h_0_1_0"), file("AIO_h_1_1_0"), file("AIO_h_2_1_0")));
    const again = await openDevices(path, 4, 0n, documents);
    expect(
      again
        .list()
        .slice(0, 2)
        .map((d) => d.uuid),
    ).toEqual(first.list().map((d) => d.uuid));
    const [old, , spare] = again.list();
    expect(spare?.state).toBe("NEW");
    expect(again.replace(old?.uuid ?? "", spare?.uuid ?? "")).rejects.toMatchObject({ status: Der.INVAL });
    await again.setFaulty(old?.uuid ?? "");
    expect((await again.replace(old?.uuid ?? "", spare?.uuid ?? "")).targets).toEqual([0, 2]);
    expect((await openDevices(path, 4, 0n, documents)).get(old?.uuid ?? "").state).toBe("NEW");
  });

  test("LEDs of drives behind VMD blink for a time, and stay on for a faulty one", async () => {
    const path = join(dir, "daos_nvme.conf");
    const controller = (n: number) => ({
      method: "bdev_nvme_attach_controller",
      params: { name: `Nvme_h_${n}_1_7`, traddr: `5d0505:0${n}:00.0` },
    });
    const subsystems = [
      { subsystem: "bdev", config: [controller(1), controller(2)] },
      { subsystem: "vmd", config: [{ method: "enable_vmd", params: {} }] },
    ];
    await writeFile(path, JSON.stringify({ subsystems }));
    const devices = await openDevices(path, 2, 1n << 40n, await openDocuments(join(dir, "d")));
    expect(devices.vmd).toBe(true);
    const [first, second] = devices.list();
    expect(devices.setLed("5d0505:01:00.0", "QUICK_BLINK", 20).led).toBe("QUICK_BLINK");
    const deadline = Date.now() + 2000;
    while (devices.get(first?.uuid ?? "").led !== "OFF" && Date.now() < deadline) await Bun.sleep(5);
    expect(devices.get(first?.uuid ?? "").led).toBe("OFF");
    expect((await devices.setFaulty(second?.uuid ?? "")).led).toBe("ON");
    expect(() => devices.setLed("0000:09:00.0", "OFF", 0)).toThrow();
  });
});
