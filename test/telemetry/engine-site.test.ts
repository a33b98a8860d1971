import { expect, test } from "bun:test";
import path from "node:path";
import { run } from "../support/daosctl.ts";

/** Only root makes a namespace without asking. */
const canUnshare =
  process.geteuid?.() === 0 && Bun.spawnSync(["unshare", "-i", "true"], { stderr: "ignore" }).success;

test.skipIf(!canUnshare)(
  "dmg lists and queries what engines measure; nothing of it stays when they are gone",
  async () => {
    const program = path.join(import.meta.dirname, "engine-site.ts");
    const done = await run(["unshare", "-i", process.execPath, program]);
    if (done.status !== 0) throw new Error(done.stderr);
    const seen = JSON.parse(done.stdout);
    expect(seen.before).toBe(2);
    expect(seen.text).toContain("# HELP engine_rank Rank ID of this engine\n# TYPE engine_rank gauge\n");
    expect(seen.text).toMatch(/^engine_servicing_at\{rank="0"\} \d+$/m);
    expect(seen.text).toContain('engine_events_dead_ranks{rank="0"} 0');
    expect(seen.text).toContain('daos_server_engine_state{instance="1",rank="1",state="Ready"} 1');
    expect(seen.list.stdout).toContain("engine_rank");
    expect(seen.query.stdout).toContain("rank=1");
    expect(seen.afterKill).toBe(1);
    expect(seen.leftByKill).toBe(2);
    expect(seen.status).toBe(0);
    expect(seen.afterStop).toBe(0);
  },
  60_000,
);
