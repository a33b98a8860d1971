import { describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurable } from "../../src/files/durable.ts";
import { createBdevFile } from "../../src/storage/bdev/file.ts";
import {
  formatMetadata,
  metadataEngineFolder,
  metadataFolder,
  metadataNeedsFormat,
} from "../../src/storage/metadata.ts";
import { tempFolder } from "../support/temp.ts";

describe("a durable write", () => {
  test("replaces the file, with its mode whatever the umask", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "superblock");
    await writeFileDurable(path, "old", 0o600);
    await writeFileDurable(path, "new", 0o644);
    expect(await readFile(path, "utf8")).toBe("new");
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect(await readdir(folder.path)).toEqual(["superblock"]);
  });

  test("that fails leaves the old file and nothing else", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "file");
    await mkdir(path);
    await expect(writeFileDurable(path, "x", 0o600)).rejects.toThrow();
    expect(await readdir(path)).toEqual([]);
  });
});

describe("a file that stands for a device", () => {
  test("has the wanted size, is empty, and belongs to us alone", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "bdev0");
    await writeFile(path, "what was there before");
    await createBdevFile(path, 1);
    const info = await stat(path);
    expect(info.size).toBe(1024 ** 3);
    expect(info.mode & 0o777).toBe(0o600);
    expect(new Uint8Array(await Bun.file(path).slice(0, 21).arrayBuffer()).every((byte) => byte === 0)).toBe(
      true,
    );
  });

  test.each([
    ["relative/path", 1, "expected absolute file path"],
    ["/dev/null/x", 1, "ENOTDIR"],
  ])("at %p is refused with the reason", async (path, sizeGib, reason) => {
    await expect(createBdevFile(path, sizeGib)).rejects.toMatchObject({
      code: 302,
      description: expect.stringContaining(reason),
    });
  });

  test("of no size is refused", async () => {
    await using folder = await tempFolder();
    await expect(createBdevFile(join(folder.path, "b"), 0)).rejects.toMatchObject({ code: 302 });
    expect(await readdir(folder.path)).toEqual([]);
  });
});

describe("control metadata", () => {
  test("without a path has no folders and never needs a format", async () => {
    expect(metadataFolder({})).toBeUndefined();
    expect(metadataEngineFolder({}, 0)).toBeUndefined();
    expect(await metadataNeedsFormat({})).toBe(false);
  });

  test("is laid out as 2.6 does, a folder an engine", async () => {
    await using folder = await tempFolder();
    const config = { path: join(folder.path, "md") };
    expect(await metadataNeedsFormat(config)).toBe(true);
    await formatMetadata(config, [0, 1]);
    expect(await metadataNeedsFormat(config)).toBe(false);
    expect(await readdir(join(config.path, "daos_control"))).toEqual(["engine0", "engine1"]);
    expect(metadataEngineFolder(config, 1)).toBe(join(config.path, "daos_control", "engine1"));
  });

  test("formatted again is empty again", async () => {
    await using folder = await tempFolder();
    const config = { path: folder.path };
    await formatMetadata(config, [0]);
    await writeFile(join(metadataEngineFolder(config, 0) ?? "", "superblock"), "x");
    await formatMetadata(config, [0]);
    expect(await readdir(metadataEngineFolder(config, 0) ?? "")).toEqual([]);
  });

  test("on a device that is not mounted needs a format", async () => {
    await using folder = await tempFolder();
    await formatMetadata({ path: folder.path }, [0]);
    expect(await metadataNeedsFormat({ path: folder.path, device: "/dev/none" })).toBe(true);
  });
});
