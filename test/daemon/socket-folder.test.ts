import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, chown, lchown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareSocketFolder } from "../../src/daemon/socket-folder.ts";
import { Fault } from "../../src/faults/fault.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { recordingLog } from "../services/harness.ts";
import { failureOf } from "../support/wait.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "daosctl-sockets-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const mode = async (path: string) => (await stat(path)).mode & 0o777;
const refusal = async (path: string) => {
  const error = (await failureOf(prepareSocketFolder(path, silentLogger))) as Fault;
  expect(error).toBeInstanceOf(Fault);
  expect(error.resolution).not.toBe("");
  return error.description;
};

describe("the folder of sockets", () => {
  test("is made with its parents, for its owner to write to", async () => {
    const path = join(dir, "a", "b");
    await prepareSocketFolder(path, silentLogger);
    expect((await mode(path)) & 0o022).toBe(0);
    await prepareSocketFolder(path, silentLogger);
  });

  test("that everybody may write to is mended, and that is said", async () => {
    const path = join(dir, "open");
    await mkdir(path);
    await chmod(path, 0o777);
    const log = recordingLog();
    await prepareSocketFolder(path, log);
    expect(await mode(path)).toBe(0o775);
    expect(log.lines[0]).toContain("mended");
  });

  test("may be a link of ours, and may lie below /tmp", async () => {
    await mkdir(join(dir, "true"));
    await symlink(join(dir, "true"), join(dir, "link"));
    await prepareSocketFolder(join(dir, "link"), silentLogger);
  });

  test("below one that everybody may write to is refused", async () => {
    const parent = join(dir, "loose");
    await mkdir(join(parent, "sockets"), { recursive: true });
    await chmod(parent, 0o777);
    expect(await refusal(join(parent, "sockets"))).toContain("may replace it");
  });

  test("that is no folder is refused", async () => {
    const path = join(dir, "file");
    await writeFile(path, "");
    expect(await refusal(path)).toContain("cannot be made");
  });

  test.skipIf(process.getuid?.() !== 0)(
    "of another user, or behind another user's link, is refused",
    async () => {
      const foreign = join(dir, "foreign");
      await mkdir(foreign);
      await chown(foreign, 12345, 12345);
      expect(await refusal(foreign)).toContain("belongs to user 12345");
      const link = join(dir, "foreign-link");
      await symlink(join(dir, "true"), link);
      await lchown(link, 12345, 12345);
      expect(await refusal(link)).toContain("symbolic link of user 12345");
      const below = join(dir, "theirs", "sockets");
      await mkdir(below, { recursive: true });
      await chown(join(dir, "theirs"), 12345, 12345);
      expect(await refusal(below)).toContain("may replace it");
    },
  );
});
