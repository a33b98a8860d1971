import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { watchRebuild } from "../../src/commands/dmg/pool/rebuild.ts";
import type { Session } from "../../src/commands/dmg/session.ts";
import { type Frame, watch } from "../../src/commands/dmg/watch.ts";
import { PoolNotFoundError } from "../../src/faults/system.ts";
import { clientOf, type FakeServer, fakeServer } from "../client/fake-servers.ts";
import { type DmgBench, dmgBench } from "./run-dmg.ts";

function screen() {
  const said: string[] = [];
  const abort = new AbortController();
  return { said, abort, say: (line: string) => void said.push(line), signal: abort.signal };
}

/** Frames in a row; the last one is done. */
function frames(...texts: (string | Error)[]): () => Promise<Frame> {
  let next = 0;
  return async () => {
    const text = texts[next++]!;
    if (text instanceof Error) throw text;
    return { text, done: next === texts.length };
  };
}

describe("watch", () => {
  test("away from a terminal only changes are said, with their time", async () => {
    const { said, ...session } = screen();
    await watch(session, frames("a", "a", "b"), { intervalMs: 1, redraw: false });
    expect(said.map((text) => text.replace(/^\d\d:\d\d:\d\d/, "TIME"))).toEqual(["TIME\na\n", "TIME\nb\n"]);
  });

  test("on a terminal each frame takes the place of the last one", async () => {
    const { said, ...session } = screen();
    await watch(session, frames("a\nb", "c"), { intervalMs: 1, redraw: true });
    expect(said[0]).toStartWith("a\nb\n\n");
    expect(said[1]).toStartWith("\u001b[4A\u001b[Jc\n\n");
  });

  test("what a terminal breaks into more rows is drawn over too", async () => {
    const { said, ...session } = screen();
    const size = () => ({ columns: 10, rows: 24 });
    await watch(session, frames("x".repeat(25), "c"), { intervalMs: 1, redraw: true, size });
    // Three rows of x, an empty one, and "hh:mm:ss  (Ctrl-C ends)" in three.
    expect(said[1]).toStartWith("\u001b[7A\u001b[Jc\n\n");
  });

  test("a frame higher than the terminal is cut", async () => {
    const { said, ...session } = screen();
    const size = () => ({ columns: 80, rows: 7 });
    await watch(session, frames("1\n2\n3\n4\n5", "c"), { intervalMs: 1, redraw: true, size });
    expect(said[0]).toStartWith("1\n2\n3\n… 2 more lines\n\n");
    expect(said[1]).toStartWith("\u001b[6A");
  });

  test("the first failure ends it, later ones are shown", async () => {
    const { said, ...session } = screen();
    await expect(watch(session, frames(new Error("no"), "a"), { intervalMs: 1 })).rejects.toThrow("no");
    await watch(session, frames("a", new Error("gone"), "b"), { intervalMs: 1, redraw: false });
    expect(said.join("")).toContain("ERROR: gone");
    expect(said.at(-1)).toContain("\nb\n");
  });

  test("an abort ends it quietly, also in the middle of a question", async () => {
    const { abort, ...session } = screen();
    let asked = 0;
    await watch(
      session,
      async () => {
        if (asked++ === 0) return { text: "a" };
        abort.abort();
        throw new Error("interrupted");
      },
      { intervalMs: 1, redraw: false },
    );
    expect(asked).toBe(2);
  });
});

type Rebuild = { status?: number; state: number; objects: bigint; records: bigint };
let rebuilds: Rebuild[] = [];
let server: FakeServer;
let bench: DmgBench;

beforeAll(async () => {
  server = await fakeServer({
    mgmt: {
      listPools: async () => ({ pools: [{ label: "tank" }, { label: "home" }] }),
      poolQuery: async ({ id }) => {
        if (id !== "tank") throw new PoolNotFoundError(`label "${id}"`);
        const rebuild = rebuilds.length > 1 ? rebuilds.shift()! : rebuilds[0]!;
        return { totalTargets: 12, disabledTargets: 4, rebuild };
      },
      poolExclude: async () => ({}),
    },
  });
  bench = dmgBench([server.address]);
});
afterAll(async () => {
  bench.remove();
  await server.close();
});
beforeEach(() => {
  rebuilds = [];
});

const idle = { state: 0, objects: 0n, records: 0n };
const busy = { state: 2, objects: 3n, records: 7n };
const done = { state: 1, objects: 5n, records: 9n };

describe("a rebuild", () => {
  async function follow(startMs?: number): Promise<string[]> {
    const { said, say, signal } = screen();
    const session = { say, signal, client: async () => clientOf(server.address) } as unknown as Session;
    await watchRebuild(session, "tank", { intervalMs: 1, ...(startMs !== undefined && { startMs }) });
    return said;
  }

  test("is shown from its start to its end", async () => {
    rebuilds = [idle, busy, done];
    const said = (await follow()).join("");
    expect(said).toContain("- Rebuild idle, 0 objs, 0 recs\n- Disabled targets: 4 of 12");
    expect(said).toContain("- Rebuild busy, 3 objs, 7 recs");
    expect(said).toContain("- Rebuild done, 5 objs, 9 recs");
  });

  test("that never starts is not waited for", async () => {
    rebuilds = [idle];
    expect(await follow(0)).toHaveLength(1);
  });

  test("that fails ends with its status", async () => {
    rebuilds = [busy, { ...done, status: -1007 }];
    await expect(follow()).rejects.toThrow("rebuild of pool tank failed, status=-1007");
  });

  test("follows the command that causes it", async () => {
    rebuilds = [busy, done];
    const run = await bench.run("pool", "exclude", "--rank=1", "--watch", "tank");
    expect(run.status).toBe(0);
    expect(run.stdout).toStartWith("Exclude command succeeded\n");
    expect(run.stdout).toContain("- Rebuild done, 5 objs, 9 recs");
  });
});

describe("a label that no pool has", () => {
  test("is answered with the one that was meant", async () => {
    const run = await bench.run("pool", "query", "tnak");
    expect(run).toMatchObject({ status: 1, stdout: "" });
    expect(run.stderr).toBe(
      'ERROR: dmg: pool query failed: unable to find pool service with label "tnak"; did you mean "tank"?',
    );
  });

  test("and is like none gets no advice", async () => {
    const run = await bench.run("pool", "query", "scratch");
    expect(run.stderr).toBe(
      'ERROR: dmg: pool query failed: unable to find pool service with label "scratch"',
    );
  });

  test("keeps 2.6's words in the document", async () => {
    const { document } = await bench.json("pool", "query", "tnak");
    expect(document).toMatchObject({ error: 'unable to find pool service with label "tnak"', status: -1025 });
  });
});

test("a document and a watch exclude each other", async () => {
  const { document, status } = await bench.json("system", "query", "--watch");
  expect(status).toBe(1);
  expect(document).toMatchObject({
    error: "system query failed: --watch and --json options cannot be set together",
  });
});
