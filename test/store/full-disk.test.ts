import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot)("a full disk is a fault that says so; nothing committed is lost", async () => {
  const dir = await mkdtemp(join(tmpdir(), "daosctl-full-"));
  try {
    // In a mount namespace of its own: nothing is left behind, whatever happens.
    const script = 'mount -t tmpfs -o size=400k none "$0" && exec "$1" run "$2" "$0/db"';
    const program = join(import.meta.dirname, "full-disk.ts");
    const child = Bun.spawn(["unshare", "-m", "sh", "-c", script, dir, process.execPath, program], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const report = JSON.parse(await new Response(child.stdout).text());
    expect(await child.exited).toBe(0);
    expect(report).toMatchObject({ kept: "1", halves: false, leads: true });
    expect(report.stored).toBeGreaterThan(0);
    expect(report.failure).toContain("no space left for the system database");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
