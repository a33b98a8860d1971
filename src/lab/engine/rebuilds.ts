import type { Lead } from "./leadership.ts";
import type { EngineLog } from "./log.ts";
import type { Pool } from "./pool.ts";
import { moved } from "./pool-space.ts";
import type { Ras } from "./ras.ts";

/** The rebuilds of the pools led here. Nothing is copied: a rebuild is time that passes, and is seen to. */
export interface Rebuilds {
  /** Begins the first rebuild of the pool's queue, unless one runs. */
  schedule(lead: Lead): void;
  /** The pool is led here no longer: its leader begins anew. */
  cancel(uuid: string): void;
  /** The document with the progress of a running rebuild. */
  withProgress(pool: Pool): Pool;
}

export interface RebuildsOptions {
  readonly log: EngineLog;
  readonly ras: Ras;
  readonly rebuildMs: number;
  self(): number;
  /** Applies the end of the first rebuild of the queue, durably. */
  finish(uuid: string): Promise<Pool>;
}

/** Between "queued" and "started", as 2.6 waits for more of the kind; a share of the rebuild's time. */
const queueShare = 0.1;

export function createRebuilds({ log, ras, rebuildMs, self, finish }: RebuildsOptions): Rebuilds {
  const running = new Map<string, { startedAt: number; timer: ReturnType<typeof setTimeout> }>();
  const queueMs = rebuildMs * queueShare;

  const end = ({ uuid, term }: Lead, version: number) => {
    running.delete(uuid);
    finish(uuid).then(
      (pool) => {
        const { objects, records } = moved(pool);
        log.print(
          `Rebuild [completed] (pool ${uuid} leader ${self()} term ${term} ver=${version}, ` +
            `toberb_obj=${objects}, rb_obj=${objects}, rec=${records} done 1 status 0 ` +
            `duration=${Math.round(rebuildMs / 1000)} secs)`,
        );
        void ras.rebuild("finished", uuid, version);
      },
      (error: Error) => log.info(`pool ${uuid}: rebuild is left to another leader: ${error.message}`),
    );
  };
  const begin = (lead: Lead, version: number) => {
    log.print(`Rebuild [started] (pool ${lead.uuid} ver=${version}/0)`);
    void ras.rebuild("started", lead.uuid, version);
    const timer = setTimeout(() => end(lead, version), rebuildMs - queueMs);
    running.set(lead.uuid, { startedAt: Date.now(), timer });
  };

  return {
    schedule(lead) {
      const [task] = lead.pool.rebuildQueue;
      if (task === undefined || running.has(lead.uuid)) return;
      const timer = setTimeout(() => begin(lead, task.version), queueMs);
      running.set(lead.uuid, { startedAt: Date.now() + queueMs, timer });
    },
    cancel(uuid) {
      clearTimeout(running.get(uuid)?.timer);
      running.delete(uuid);
    },
    withProgress(pool) {
      const rebuild = running.get(pool.uuid);
      if (pool.rebuild.state !== "busy" || rebuild === undefined) return pool;
      const share = Math.floor(((Date.now() - rebuild.startedAt) * 1000) / (rebuildMs - queueMs));
      const done = BigInt(Math.max(0, Math.min(1000, share)));
      const { objects, records } = moved(pool);
      return {
        ...pool,
        rebuild: { state: "busy", objects: (objects * done) / 1000n, records: (records * done) / 1000n },
      };
    },
  };
}
