import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { parseMountOptions } from "../../src/helper/mounts.ts";
import { checkTarget, fstypeAt } from "../../src/helper/rules.ts";
import { answerTo } from "../../src/helper/serve.ts";
import { tempFolder } from "../support/temp.ts";

const mountRequest = { op: "mount", source: "tmpfs", target: "/tmp/x", fstype: "tmpfs", options: "size=1m" };

/** The refusal of a request; fails when it was not refused. */
async function refusal(request: unknown): Promise<string> {
  const answer = await answerTo(typeof request === "string" ? request : JSON.stringify(request));
  if (answer.ok) throw new Error(`not refused: ${JSON.stringify(request)}`);
  return answer.message;
}

describe("a hostile request is refused", () => {
  test.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["an array", "[]"],
    ["null", "null"],
    ["another operation", { op: "reboot" }],
    ["an unknown field", { ...mountRequest, extra: 1 }],
    ["a relative target", { ...mountRequest, target: "x" }],
    ["a target with ..", { ...mountRequest, target: "/tmp/../etc" }],
    ["a target with //", { ...mountRequest, target: "/tmp//x" }],
    ["a target with a NUL", { ...mountRequest, target: "/tmp/x\0/etc" }],
    ["a target that ends in /", { ...mountRequest, target: "/tmp/x/" }],
    ["a target of another type", { ...mountRequest, target: ["/tmp/x"] }],
    ["a filesystem of another type", { ...mountRequest, fstype: "proc" }],
    ["a source with blanks", { ...mountRequest, source: "a b" }],
    ["options with blanks", { ...mountRequest, options: "size=1m /etc" }],
    ["options with a line break", { ...mountRequest, options: "size=1m\nx" }],
    ["options that are too long", { ...mountRequest, options: "a".repeat(2000) }],
    ["an unmount of /", { op: "unmount", target: "/" }],
    ["a user with a negative number", { op: "identity", uid: -1, gid: 0 }],
  ])("%s", async (_, request) => {
    expect((await refusal(request)).length).toBeGreaterThan(0);
  });

  test("longer than any request", async () => {
    expect((await answerTo(undefined)).ok).toBe(false);
  });

  test("whatever JSON it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        expect((await answerTo(json)).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the target of a mount", () => {
  test.each([
    "/",
    "/etc",
    "/etc/daos",
    "/usr",
    "/usr/local/bin",
    "/home",
    "/var/lib",
    "/dev/shm",
    "/proc/1",
    "/root/x",
  ])("is not %s", async (target) => {
    await expect(checkTarget(target)).rejects.toThrow("is not a place for storage");
  });

  test("exists", async () => {
    await expect(checkTarget("/tmp/there-is-no-such-folder")).rejects.toThrow("ENOENT");
  });

  test("is a folder, and not reached through a link", async () => {
    await using temp = await tempFolder();
    const [folder, link, file] = ["folder", "link", "file"].map((name) => path.join(temp.path, name)) as [
      string,
      string,
      string,
    ];
    fs.mkdirSync(folder);
    fs.symlinkSync(folder, link);
    fs.writeFileSync(file, "");
    await checkTarget(folder);
    await expect(checkTarget(link)).rejects.toThrow("through a link");
    await expect(checkTarget(file)).rejects.toThrow("is not a folder");
  });
});

describe("mount options", () => {
  test("are flags or data, and never allow devices or rights of programs", () => {
    expect(parseMountOptions("")).toEqual({ flags: 2 | 4, data: "" });
    expect(parseMountOptions("size=4194304k,huge=always,mpol=prefer:0")).toEqual({
      flags: 2 | 4,
      data: "size=4194304k,huge=always,mpol=prefer:0",
    });
    expect(parseMountOptions("dax,noatime,ro")).toEqual({ flags: 2 | 4 | 1024 | 1, data: "dax" });
    expect(parseMountOptions("suid,dev").flags).toBe(2 | 4);
    expect(parseMountOptions("toString").data).toBe("toString");
  });
});

describe("mountinfo", () => {
  const text = [
    "27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
    "40 27 0:35 / /mnt/daos\\0400 rw - tmpfs tmpfs rw,size=1k",
    "41 27 0:36 / /mnt/b rw shared:7 master:2 - xfs /dev/sdb rw",
    "42 41 0:37 / /mnt/b rw - ext4 /dev/pmem0 rw",
  ].join("\n");

  test("tells the uppermost filesystem of a mount point", () => {
    expect(fstypeAt(text, "/")).toBe("ext4");
    expect(fstypeAt(text, "/mnt/daos 0")).toBe("tmpfs");
    expect(fstypeAt(text, "/mnt/b")).toBe("ext4");
    expect(fstypeAt(text, "/mnt/c")).toBeUndefined();
  });
});
