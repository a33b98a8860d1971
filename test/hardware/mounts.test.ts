import { expect, test } from "bun:test";
import fc from "fast-check";
import { findMount, parseMountInfo, readMounts } from "../../src/hardware/mounts.ts";

const TEXT = `22 28 0:20 / /sys rw,nosuid - sysfs sysfs rw
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
90 28 0:44 / /mnt/daos0 rw,noatime shared:50 master:2 - tmpfs tmpfs rw,size=4194304k,huge=always,mpol=prefer:0
91 28 0:45 / /mnt/with\\040blank rw - tmpfs tmpfs rw
92 28 0:46 / /mnt/daos0 rw - ext4 /dev/pmem0 rw,dax
`;

test("optional fields before the dash are skipped", () => {
  expect(parseMountInfo(TEXT)[2]).toEqual({
    device: "0:44",
    mountPoint: "/mnt/daos0",
    options: "rw,noatime",
    fsType: "tmpfs",
    source: "tmpfs",
    superOptions: "rw,size=4194304k,huge=always,mpol=prefer:0",
  });
});

test("blanks in a path are read back", () => {
  expect(findMount(parseMountInfo(TEXT), "/mnt/with blank")?.fsType).toBe("tmpfs");
});

test("of two mounts at one place the later one is what is seen", () => {
  expect(findMount(parseMountInfo(TEXT), "/mnt/daos0/")?.fsType).toBe("ext4");
});

test("a mount is found by its device as well", () => {
  expect(findMount(parseMountInfo(TEXT), "/dev/pmem0")?.mountPoint).toBe("/mnt/daos0");
});

test("a folder below a mount point is not itself mounted", () => {
  expect(findMount(parseMountInfo(TEXT), "/mnt/daos0/x")).toBeUndefined();
});

test("whatever text is given, reading it ends without an error", () => {
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseMountInfo(text))));
});

test("the root of this host is mounted", async () => {
  expect(findMount(await readMounts(), "/")).toBeDefined();
});
