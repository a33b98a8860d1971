import { describe, expect, test } from "bun:test";
import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requestHelper } from "../../src/helper/client.ts";
import { createFolderScm } from "../../src/storage/scm/folder.ts";
import { createRamScm, tmpfsOptions } from "../../src/storage/scm/ram.ts";
import { ramTier } from "../support/engine-config.ts";
import { tempFolder } from "../support/temp.ts";

const GIB = 1024n ** 3n;

describe("tmpfs options", () => {
  test.each([
    [ramTier("/mnt/daos"), 0, "mpol=prefer:0,size=4g,huge=always"],
    [ramTier("/mnt/daos", { scmSize: 16 }), 1, "mpol=prefer:1,size=16g,huge=always"],
    [ramTier("/mnt/daos", { scmHugepagesDisabled: true }), 0, "mpol=prefer:0,size=4g"],
    [ramTier("/mnt/daos", { scmSize: 0 }), 0, "mpol=prefer:0,huge=always"],
  ])("are those of 2.6", (tier, node, options) => {
    expect(tmpfsOptions(tier, node)).toBe(options);
  });
});

describe("a memory tier that is a folder", () => {
  test("needs a format until it has had one", async () => {
    await using folder = await tempFolder();
    const scm = createFolderScm(ramTier(join(folder.path, "scm")));
    expect(await scm.needsFormat()).toBe(true);
    await scm.format(false);
    expect(await scm.needsFormat()).toBe(false);
    expect(await scm.isMounted()).toBe(true);
  });

  test("is not formatted again unless told to", async () => {
    await using folder = await tempFolder();
    const scm = createFolderScm(ramTier(folder.path));
    await scm.format(false);
    await writeFile(join(folder.path, "superblock"), "x");
    await expect(scm.format(false)).rejects.toMatchObject({ code: 101 });
    expect(await readdir(folder.path)).toContain("superblock");
  });

  test("is empty after a forced format", async () => {
    await using folder = await tempFolder();
    const scm = createFolderScm(ramTier(folder.path));
    await scm.format(false);
    await mkdir(join(folder.path, "control_raft"));
    await writeFile(join(folder.path, "control_raft", "x"), "x");
    await scm.format(true);
    expect(await readdir(folder.path)).toEqual([".daos_scm_folder"]);
  });

  test("does not swallow a folder that holds something else", async () => {
    await using folder = await tempFolder();
    await writeFile(join(folder.path, "thesis.tex"), "x");
    const scm = createFolderScm(ramTier(folder.path));
    await expect(scm.format(false)).rejects.toMatchObject({ code: 207 });
    await expect(scm.format(true)).rejects.toMatchObject({ code: 207 });
    expect(await readdir(folder.path)).toEqual(["thesis.tex"]);
  });

  test("is erased within its bounds: links are removed, not followed", async () => {
    await using folder = await tempFolder();
    await using other = await tempFolder();
    await writeFile(join(other.path, "precious"), "x");
    const scm = createFolderScm(ramTier(folder.path));
    await scm.format(false);
    await symlink(other.path, join(folder.path, "link"));
    await symlink(join(other.path, "precious"), join(folder.path, "file"));
    await scm.format(true);
    expect(await readdir(folder.path)).toEqual([".daos_scm_folder"]);
    expect(await readdir(other.path)).toEqual(["precious"]);
  });

  test("is not erased through a link that stands in its place", async () => {
    await using folder = await tempFolder();
    const real = join(folder.path, "real");
    await createFolderScm(ramTier(real)).format(false);
    await writeFile(join(real, "vos-0"), "x");
    const link = join(folder.path, "link");
    await symlink(real, link);
    await expect(createFolderScm(ramTier(link)).format(true)).rejects.toMatchObject({ code: 207 });
    expect(await readdir(real)).toContain("vos-0");
  });

  test("whose erasing was broken off is not formatted, and may be erased again", async () => {
    await using folder = await tempFolder();
    await writeFile(join(folder.path, ".daos_scm_folder.erasing"), "");
    await writeFile(join(folder.path, "vos-0"), "x");
    const scm = createFolderScm(ramTier(folder.path));
    expect(await scm.needsFormat()).toBe(true);
    await scm.format(false);
    expect(await readdir(folder.path)).toEqual([".daos_scm_folder"]);
  });

  test("counts what is in it against its configured size", async () => {
    await using folder = await tempFolder();
    const scm = createFolderScm(ramTier(folder.path, { scmSize: 1 }));
    await scm.format(false);
    await writeFile(join(folder.path, "vos-0"), new Uint8Array(1024 * 1024));
    const { totalBytes, availBytes } = await scm.usage();
    expect(totalBytes).toBe(GIB);
    expect(availBytes).toBeLessThanOrEqual(GIB - 1024n * 1024n);
    expect(availBytes).toBeGreaterThan(GIB - 2n * 1024n * 1024n);
  });
});

/** Whether this process may mount here: root in most places, not in a container without rights. */
async function mayMount(): Promise<boolean> {
  if (process.geteuid?.() !== 0) return false;
  await using folder = await tempFolder();
  try {
    await requestHelper({ op: "mount", source: "tmpfs", target: folder.path, fstype: "tmpfs", options: "" });
    await requestHelper({ op: "unmount", target: folder.path });
    return true;
  } catch {
    return false;
  }
}

describe.if(await mayMount())("a memory tier in a tmpfs", () => {
  test("is taken off however often it was mounted on itself, and what lies under it stays", async () => {
    await using folder = await tempFolder();
    await writeFile(join(folder.path, "under"), "x");
    const scm = createRamScm(ramTier(folder.path, { scmSize: 1 }), 0);
    try {
      await scm.format(false);
      await requestHelper({ op: "mount", source: "tmpfs", target: folder.path, fstype: "tmpfs" });
      await scm.format(true);
      expect(await readdir(folder.path)).toEqual([]);
    } finally {
      await scm.unmount();
    }
    expect(await scm.isMounted()).toBe(false);
    expect(await readdir(folder.path)).toEqual(["under"]);
  });

  test("within a tier that is a folder keeps that from being erased", async () => {
    await using folder = await tempFolder();
    const outer = createFolderScm(ramTier(folder.path));
    await outer.format(false);
    const inner = createRamScm(ramTier(join(folder.path, "inner"), { scmSize: 1 }), 0);
    await inner.format(false);
    try {
      await writeFile(join(folder.path, "inner", "precious"), "x");
      await expect(outer.format(true)).rejects.toMatchObject({ code: 207 });
      expect(await readdir(join(folder.path, "inner"))).toEqual(["precious"]);
    } finally {
      await inner.unmount();
    }
  });

  test("is mounted with its size and taken off again", async () => {
    await using folder = await tempFolder();
    const target = join(folder.path, "a", "scm");
    const scm = createRamScm(ramTier(target, { scmSize: 1 }), 0);
    try {
      expect(await scm.needsFormat()).toBe(true);
      await scm.format(false);
      expect(await scm.usage()).toEqual({ totalBytes: GIB, availBytes: GIB });
      expect((await stat(target)).mode & 0o777).toBe(0o755);
      await expect(scm.format(false)).rejects.toMatchObject({ code: 101 });
      await writeFile(join(target, "superblock"), "x");
      await scm.format(true);
      expect(await readdir(target)).toEqual([]);
    } finally {
      await scm.unmount();
    }
    expect(await scm.isMounted()).toBe(false);
  });
});

test("a mount that is not permitted says what to do instead", async () => {
  await using folder = await tempFolder();
  const scm = createRamScm(ramTier(join(folder.path, "scm")), 0, {
    async mount() {
      throw new Error("EPERM");
    },
    async unmount() {},
  });
  await expect(scm.format(false)).rejects.toMatchObject({
    code: 601,
    reason: "EPERM",
    resolution: expect.stringContaining("--scm-as-folder"),
  });
});
