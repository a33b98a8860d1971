import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Fault } from "../../src/faults/fault.ts";
import { MKFS_OPTIONS, recognizeFilesystem } from "../../src/helper/ops/filesystem.ts";
import { answerTo } from "../../src/helper/serve.ts";
import { replaceVmd } from "../../src/storage/bdev/nvme.ts";
import { createDcpmScm, type PmemOps } from "../../src/storage/scm/dcpm.ts";

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-dcpm-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** A PMem device that remembers what was done to it; a file stands for its node in /dev. */
function makeDevice(holds = "none") {
  const device = path.join(folder, "pmem0");
  const target = path.join(folder, "mnt");
  fs.writeFileSync(device, "");
  const calls: string[] = [];
  const ops: PmemOps = {
    async probe() {
      return holds;
    },
    async mkfs(_device, force) {
      calls.push(`mkfs${force ? " force" : ""}`);
    },
    async mount({ fstype, options }) {
      calls.push(`mount ${fstype} ${options}`);
    },
    async unmount() {
      calls.push("unmount");
    },
  };
  const tier = {
    tier: 0,
    class: "dcpm",
    scmMount: target,
    scmList: [device],
    scmSize: 0,
    scmHugepagesDisabled: false,
  } as Parameters<typeof createDcpmScm>[0];
  return { device, target, calls, scm: createDcpmScm(tier, ops) };
}

async function codeOf(promise: Promise<unknown>): Promise<number> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a memory tier on PMem", () => {
  test("blank needs a format, gets 2.6's file system and is mounted with dax", async () => {
    const { scm, calls, target } = makeDevice();
    expect(await scm.needsFormat()).toBe(true);
    await scm.format(false);
    expect(calls).toEqual(["mkfs", "mount ext4 noatime,dax,nodelalloc"]);
    expect(fs.statSync(target).isDirectory()).toBe(true);
  });

  test("with ext4 is formatted: mounted, never formatted without force", async () => {
    const { scm, calls, target } = makeDevice("ext4");
    fs.mkdirSync(target);
    expect(await scm.needsFormat()).toBe(false);
    expect(await codeOf(scm.format(false))).toBe(101);
    await scm.mount();
    expect(calls).toEqual(["mount ext4 noatime,dax,nodelalloc"]);
    await scm.format(true);
    expect(calls.slice(1)).toEqual(["mkfs force", "mount ext4 noatime,dax,nodelalloc"]);
  });

  test("with something else needs a format that is forced", async () => {
    const { scm } = makeDevice("xfs");
    expect(await scm.needsFormat()).toBe(true);
    expect(await codeOf(scm.format(false))).toBe(101);
  });

  test("whose folder is gone says so", async () => {
    expect(await codeOf(makeDevice("ext4").scm.needsFormat())).toBe(106);
  });

  test("whose device is gone says so, whatever is asked", async () => {
    const { scm, device } = makeDevice();
    fs.rmSync(device);
    expect(await codeOf(scm.needsFormat())).toBe(204);
    expect(await codeOf(scm.mount())).toBe(204);
    expect(await codeOf(scm.format(true))).toBe(204);
  });
});

describe("what a device holds", () => {
  const at = (offset: number, ...bytes: number[]) => {
    const head = new Uint8Array(128 * 1024);
    head.set(bytes, offset);
    return head;
  };
  const word = (offset: number, text: string) => at(offset, ...Buffer.from(text, "latin1"));
  test("nothing", () => expect(recognizeFilesystem(new Uint8Array(4096))).toBe("none"));
  test("ext4, told from ext2 by its features", () => {
    const head = at(0x438, 0x53, 0xef);
    expect(recognizeFilesystem(head)).toBe("ext2");
    head[0x460] = 0x42;
    expect(recognizeFilesystem(head)).toBe("ext4");
  });
  test("others", () => {
    expect(recognizeFilesystem(word(0, "XFSB"))).toBe("xfs");
    expect(recognizeFilesystem(word(0x10040, "_BHRfS_M"))).toBe("btrfs");
    expect(recognizeFilesystem(word(0x218, "LVM2 001"))).toBe("lvm2");
    expect(recognizeFilesystem(at(0x1fe, 0x55, 0xaa))).toBe("partition table");
    expect(recognizeFilesystem(word(4086, "SWAPSPACE2"))).toBe("swap");
  });
  test.skipIf(Bun.which("mkfs.ext4") === null)("what mkfs.ext4 makes with our options is ext4", () => {
    const image = path.join(folder, "image");
    fs.writeFileSync(image, "");
    fs.truncateSync(image, 256 << 20);
    // -D is direct I/O, which a file on tmpfs does not do.
    const options = MKFS_OPTIONS.filter((option) => option !== "-D");
    const made = Bun.spawnSync(["mkfs.ext4", "-F", ...options, image]);
    expect(made.stderr.toString()).toBe("");
    const file = fs.openSync(image, "r");
    const head = Buffer.alloc(128 * 1024);
    fs.readSync(file, head);
    fs.closeSync(file);
    expect(recognizeFilesystem(head)).toBe("ext4");
  });
  test("only PMem devices are probed and formatted", async () => {
    for (const device of ["/dev/sda", "/dev/pmem0/../sda", "/dev/pmem", "pmem0"]) {
      for (const op of ["pmem-probe", "pmem-mkfs"]) {
        expect(await answerTo(JSON.stringify({ op, device }))).toMatchObject({ ok: false, code: "EINVAL" });
      }
    }
  });
});

test("a VMD stands for the drives behind it", () => {
  const found = ["d70505:01:00.0", "d70505:03:00.0", "0000:17:00.0"];
  expect(replaceVmd(["0000:17:00.0", "0000:d7:05.5", "0000:80:05.5"], found)).toEqual([
    "0000:17:00.0",
    "d70505:01:00.0",
    "d70505:03:00.0",
    "0000:80:05.5",
  ]);
});
