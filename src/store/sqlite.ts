import { Fault } from "../faults/fault.ts";
import { createCommitter } from "./committer.ts";
import { faultStoreClosed, faultStoreFailed } from "./faults.ts";
import { sqlitePath } from "./sqlite-file.ts";
import type { WorkerAnswer, WorkerRequest } from "./sqlite-messages.ts";
import type { Leadership, Store } from "./store.ts";

export interface SqliteStoreOptions {
  /** Folder of the database; made when it does not exist. */
  readonly dir: string;
  /** Control address of this server, "ip:port": what leadership() names as the leader. */
  readonly addr: string;
}

/**
 * The store of a system with one replica: bun:sqlite, write-ahead log, synchronous=FULL, in a thread of
 * its own. Commits that arrive while another is being written share the next transaction and its fsync.
 * The one replica is always the leader; when its database fails for good, commits fail and say so.
 * @throws Fault 600 when the database cannot be opened.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const path = sqlitePath(options.dir);
  const thread = startThread(path);
  let opened: WorkerAnswer;
  try {
    opened = await thread.ask({ kind: "open", dir: options.dir });
  } catch (error) {
    thread.end();
    throw error;
  }
  const term = opened.kind === "opened" ? opened.term : 0n;
  const committer = createCommitter((ops) => thread.ask({ kind: "commit", ops }));

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await committer.idle();
    try {
      await thread.ask({ kind: "close" });
    } finally {
      thread.end();
    }
  };

  return {
    async load() {
      await committer.idle();
      const answer = await thread.ask({ kind: "load" });
      return answer.kind === "loaded" ? answer.records : new Map();
    },
    commit(ops) {
      if (closing !== undefined) return Promise.reject(faultStoreClosed(path));
      return ops.length === 0 ? Promise.resolve() : committer.commit(ops);
    },
    leadership: (): Leadership =>
      closing === undefined
        ? { leader: true, term, leaderHint: options.addr }
        : { leader: false, term, leaderHint: "" },
    // Nobody else could take it, and nobody else writes.
    onLeadership: () => () => undefined,
    onChange: () => () => undefined,
    barrier: () => committer.idle(),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

interface Thread {
  /** @throws Fault what the thread answered, or that it has died. */
  ask(request: WorkerRequest): Promise<WorkerAnswer>;
  end(): void;
}

interface Waiting {
  resolve(answer: WorkerAnswer): void;
  reject(error: Error): void;
}

/**
 * Where the thread's program is. It is an entry point of the build of its own (build.ts), which keeps its
 * path below the checkout in the executable, while the chunk that this function ends up in lies at the root.
 */
function workerUrl(): string {
  const compiled = import.meta.url.startsWith("file:///$bunfs/");
  return compiled
    ? "file:///$bunfs/root/src/store/sqlite-worker.js"
    : new URL("./sqlite-worker.ts", import.meta.url).href;
}

function startThread(path: string): Thread {
  const worker = new Worker(workerUrl());
  const queue: Waiting[] = [];
  let fatal: Error | undefined;
  worker.unref();

  const fail = (error: Error): void => {
    if (fatal !== undefined) return;
    fatal = error;
    for (const waiting of queue.splice(0)) waiting.reject(error);
  };
  worker.onmessage = (event: MessageEvent<WorkerAnswer>) => {
    const waiting = queue.shift();
    // The thread keeps the process alive only while someone waits for it.
    if (queue.length === 0) worker.unref();
    const answer = event.data;
    if (answer.kind === "failed") waiting?.reject(asError(answer));
    else waiting?.resolve(answer);
  };
  worker.onerror = (event: ErrorEvent) => fail(faultStoreFailed(path, event.message));
  worker.addEventListener("close", () => fail(faultStoreClosed(path)));

  return {
    ask(request) {
      if (fatal !== undefined) return Promise.reject(fatal);
      return new Promise((resolve, reject) => {
        queue.push({ resolve, reject });
        worker.ref();
        worker.postMessage(request);
      });
    },
    end() {
      fail(faultStoreClosed(path));
      worker.terminate();
    },
  };
}

function asError(answer: Extract<WorkerAnswer, { kind: "failed" }>): Error {
  const { fault, text } = answer;
  if (fault === undefined) return new Error(text);
  return new Fault(fault.domain, fault.code, fault.description, fault.resolution, fault.reason);
}
