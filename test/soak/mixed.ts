/**
 * Mixed operations while engines are killed at random: `bun test/soak/mixed.ts [seconds] [seed]`.
 * Three servers with two engines each; several administrators create, query, list and destroy pools and set
 * attributes; a reaper kills an engine every few seconds and starts its rank again. Afterwards the system must
 * converge: all ranks joined, each acknowledged create there once unless its destroy was acknowledged.
 */
import { bringUp, createSite, members, processesWith, type Site } from "../support/site.ts";
import { waitFor } from "../support/wait.ts";

export interface SoakReport {
  readonly created: number;
  readonly destroyed: number;
  readonly refused: number;
  readonly kills: number;
  /** What does not fit the acknowledged history; empty when all is well. */
  readonly violations: readonly string[];
}

interface ListedPool {
  label: string;
  uuid: string;
  state: string;
}

/** What an administrator knows of a label: acknowledged, or asked for without an answer that settles it. */
type Known = "there" | "gone" | "open";

export async function mixedSoak(seconds: number, random: () => number): Promise<SoakReport> {
  const site = await createSite({ servers: 3, engines: 2, targets: 2 });
  const known = new Map<string, Known>();
  const attributes = new Map<string, string>();
  const counts = { created: 0, destroyed: 0, refused: 0, kills: 0 };
  const violations: string[] = [];
  const end = performance.now() + seconds * 1000;
  try {
    await bringUp(site);
    const administrators = Array.from({ length: 3 }, (_, who) =>
      administer(site, who, end, random, known, attributes, counts),
    );
    await Promise.all([...administrators, reap(site, end, random, counts)]);
    await converge(site);
    violations.push(...(await compare(site, known, attributes)));
  } finally {
    await site.close();
  }
  return { ...counts, violations };
}

async function administer(
  site: Site,
  who: number,
  end: number,
  random: () => number,
  known: Map<string, Known>,
  attributes: Map<string, string>,
  counts: { created: number; destroyed: number; refused: number },
): Promise<void> {
  for (let turn = 0; performance.now() < end; turn++) {
    const mine = [...known].filter(([label, state]) => state === "there" && label.startsWith(`a${who}-`));
    const dice = random();
    if (dice < 0.35 || mine.length === 0) {
      const label = `a${who}-${turn}`;
      known.set(label, "open");
      const done = await site.dmg("pool", "create", "--size", "300M", label);
      if (done.status === 0) {
        known.set(label, "there");
        counts.created++;
      } else counts.refused++;
    } else if (dice < 0.6 || mine.length > 3) {
      const [label] = mine[Math.floor(random() * mine.length)]!;
      known.set(label, "open");
      const done = await site.dmg("pool", "destroy", "--force", label);
      if (done.status === 0) {
        known.set(label, "gone");
        counts.destroyed++;
      } else counts.refused++;
    } else if (dice < 0.75) {
      const key = `key${who}`;
      const value = String(turn);
      attributes.delete(key);
      if ((await site.dmg("system", "set-attr", `${key}:${value}`)).status === 0) attributes.set(key, value);
    } else {
      await site.dmg("pool", "query", mine[Math.floor(random() * mine.length)]![0]);
    }
  }
}

async function reap(site: Site, end: number, random: () => number, counts: { kills: number }): Promise<void> {
  while (performance.now() < end) {
    const engines = processesWith("lab", "engine", site.folder, "-g");
    const victim = engines[Math.floor(random() * engines.length)];
    if (victim !== undefined) {
      process.kill(victim, "SIGKILL");
      counts.kills++;
      await waitFor(
        "the killed rank to be noticed",
        async () => (await members(site)).some((m) => m.state !== "joined"),
        15_000,
      );
    }
    await site.dmg("system", "start");
    await Bun.sleep(Math.min(1500 + random() * 2000, Math.max(0, end - performance.now())));
  }
}

async function converge(site: Site): Promise<void> {
  await waitFor(
    "all six ranks to be joined again",
    async () => {
      const found = await members(site);
      if (found.length === 6 && found.every((member) => member.state === "joined")) return true;
      await site.dmg("system", "start");
      return false;
    },
    60_000,
  );
}

async function compare(
  site: Site,
  known: Map<string, Known>,
  attributes: Map<string, string>,
): Promise<string[]> {
  const wrong: string[] = [];
  const listed =
    (await site.dmgJson<{ pools: ListedPool[] | null }>("pool", "list", "--no-query")).pools ?? [];
  for (const label of new Set(listed.map((pool) => pool.label))) {
    const times = listed.filter((pool) => pool.label === label).length;
    if (times > 1) wrong.push(`pool ${label} is there ${times} times`);
    if (!known.has(label)) wrong.push(`pool ${label} was never asked for`);
  }
  for (const [label, state] of known) {
    const pool = listed.find((candidate) => candidate.label === label);
    if (state === "there" && pool === undefined) wrong.push(`pool ${label} was acknowledged and is lost`);
    if (state === "gone" && pool !== undefined) wrong.push(`pool ${label} was destroyed and is still there`);
    if (state === "there" && pool !== undefined) {
      const queried = await site.dmg("pool", "query", label);
      if (queried.status !== 0) wrong.push(`pool ${label} cannot be queried: ${queried.stderr}`);
    }
  }
  const stored = await site.dmgJson<Record<string, string> | null>("system", "get-attr");
  const text = JSON.stringify(stored);
  for (const [key, value] of attributes) {
    if (!text.includes(`"${value}"`))
      wrong.push(`attribute ${key}=${value} was acknowledged and is not in ${text}`);
  }
  return wrong;
}

if (import.meta.main) {
  const { randomFrom } = await import("../support/random.ts");
  const seconds = Number(process.argv[2] ?? 300);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  console.log(`mixed soak of ${seconds} s, seed ${seed}`);
  const report = await mixedSoak(seconds, randomFrom(seed));
  console.log(report);
  process.exit(report.violations.length === 0 ? 0 : 1);
}
