import path from "node:path";
import { createSite, members, type Site } from "../test/support/site.ts";
import { waitFor } from "../test/support/wait.ts";
import { type BenchRow, median } from "./report.ts";

/** What a server is made to do, in this order, and how its worst stall in it is known. */
const PHASES = ["scan", "format and join", "pool create", "pool query", "rest"] as const;
type Phase = (typeof PHASES)[number];

const ROUNDS = 5;
const POOLS = 8;

/** A process with a clock; see stall-process.ts. */
async function startClock(args: readonly string[], env: NodeJS.ProcessEnv) {
  let answer = Promise.withResolvers<{ readonly worstMs?: number }>();
  const child = Bun.spawn([process.execPath, path.join(import.meta.dirname, "stall-process.ts"), ...args], {
    env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
    ipc: (message) => answer.resolve(message as { readonly worstMs?: number }),
    onExit: () => answer.reject(new Error("the measured process ended")),
  });
  await answer.promise;
  const worst = async (): Promise<number> => {
    answer = Promise.withResolvers();
    child.send("worst");
    return (await answer.promise).worstMs ?? Number.NaN;
  };
  return {
    worst,
    async end() {
      // Nobody waits for an answer any more.
      answer.promise.catch(() => undefined);
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function drive(site: Site, phase: Phase): Promise<void> {
  switch (phase) {
    case "scan":
      for (let round = 0; round < 3; round++) await site.dmg("storage", "scan");
      return;
    case "format and join":
      await site.dmg("storage", "format");
      await waitFor("the ranks", async () => {
        const found = await members(site);
        return found.length === site.enginesEach && found.every((member) => member.state === "joined");
      });
      return;
    case "pool create":
      for (let pool = 0; pool < POOLS; pool++) await site.dmg("pool", "create", "-z", "100M", `pool${pool}`);
      return;
    case "pool query":
      await Promise.all(Array.from({ length: POOLS }, (_, pool) => site.dmg("pool", "query", `pool${pool}`)));
      return;
    case "rest":
      await Bun.sleep(1_000);
  }
}

export interface Stalls {
  /** Worst stall of the server in each phase, milliseconds. */
  readonly serverMs: Readonly<Record<Phase, number>>;
  /** Of a process that does nothing, meanwhile: what the machine itself does. */
  readonly idleMs: Readonly<Record<Phase, number>>;
}

/** One server from its first scan on, with two engines, watched from within. */
export async function measureStalls(): Promise<Stalls> {
  const site = await createSite({ engines: 2 });
  const [server] = site.servers;
  if (server === undefined) throw new Error("no server");
  const env = { ...process.env, PATH: `${site.folder}/bin:${process.env["PATH"]}` };
  const clocks = [await startClock([server.configFile], env), await startClock([], env)] as const;
  try {
    const worst: Record<"serverMs" | "idleMs", Partial<Record<Phase, number>>> = { serverMs: {}, idleMs: {} };
    for (const phase of PHASES) {
      await Promise.all(clocks.map((clock) => clock.worst()));
      await drive(site, phase);
      worst.serverMs[phase] = await clocks[0].worst();
      worst.idleMs[phase] = await clocks[1].worst();
    }
    return worst as Stalls;
  } finally {
    await Promise.all(clocks.map((clock) => clock.end()));
    await site.close();
  }
}

/** How long the server's event loop is held at worst, against a process that does nothing beside it. */
export async function run(): Promise<BenchRow[]> {
  const rounds: Stalls[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measureStalls());
  return PHASES.map((phase) => {
    const measured = rounds.map((round) => round.serverMs[phase]);
    const baseline = median(rounds.map((round) => round.idleMs[phase]));
    const ratios = measured.map((value) => value / baseline);
    return {
      name: `server's worst stall: ${phase}`,
      ratio: median(measured) / baseline,
      spread: [Math.min(...ratios), Math.max(...ratios)],
      unit: "times",
      note: `median ${median(measured).toFixed(1)} ms, worst ${Math.max(...measured).toFixed(1)} ms; an idle process ${baseline.toFixed(1)} ms`,
    };
  });
}
