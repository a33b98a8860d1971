import { errorText } from "../../faults/fault.ts";
import { NotLeaderError } from "../../faults/system.ts";
import type { Leadership } from "../../store/store.ts";
import { serviceValue, serviceValueChange } from "../../system/attributes.ts";
import { ranksInStates } from "../../system/membership.ts";
import { type Change, MemberState } from "../../system/types.ts";
import { type Core, notLeader, type Running } from "./core.ts";
import type { EventHandler } from "./events.ts";
import { createGroupUpdater, type GroupUpdater, groupUpdatePausedName } from "./group-update.ts";
import { fabricProvidersName } from "./join.ts";
import { createPoolJanitor, type PoolJanitor } from "./pool-janitor.ts";
import type { PoolLocks } from "./pool-locks.ts";
import { RasId, RasSeverity, systemEvent } from "./ras.ts";

/** What only a leader does, from gaining to losing it. */
export interface LeadershipTasks {
  /** Watches the store's leadership. @throws when we lead and cannot take it up. */
  follow(running: Running): Promise<void>;
  groupUpdater(): GroupUpdater | undefined;
  janitor(): PoolJanitor | undefined;
  /** Ends the tasks and stops watching. */
  end(): Promise<void>;
}

export function createLeadership(
  core: Core,
  parts: { readonly events: EventHandler; readonly poolLocks: PoolLocks },
): LeadershipTasks {
  let unfollow: (() => void) | undefined;
  /** Rises with every change of leadership, so that taking it up stops when it is gone again. */
  let changes = 0;
  let tasks: { readonly groupUpdater: GroupUpdater; readonly janitor: PoolJanitor } | undefined;

  const gain = async (): Promise<void> => {
    const mine = changes;
    await takeUpProviders(core, parts.events);
    if (mine !== changes) return;
    core.log.info(`MS leader running on ${core.deps.hostname}`);
    const groupUpdater = createGroupUpdater(core);
    const janitor = createPoolJanitor(core, parts.poolLocks);
    tasks = { groupUpdater, janitor };
    // Engines may hold a map of an earlier leader with our version: ours must be newer.
    await core.decide(() => ({ changes: [{ kind: "bumpMapVersion" }], answer: undefined }));
    groupUpdater.request("now");
    janitor.start();
  };

  const lose = (): void => {
    changes++;
    if (tasks === undefined) return;
    core.log.info(`MS leader no longer running on ${core.deps.hostname}`);
    tasks.groupUpdater.stop();
    tasks.janitor.stop();
    tasks = undefined;
  };

  return {
    async follow({ store, journal }) {
      const change = ({ leader, leaderHint }: Leadership): Promise<void> => {
        lose();
        if (!leader) {
          journal.close(notLeader(core.deps, leaderHint));
          return Promise.resolve();
        }
        journal.open();
        return gain();
      };
      unfollow = store.onLeadership((now) => {
        change(now).catch((error) => {
          const line = `taking up leadership failed: ${errorText(error)}`;
          // Gone again before it was taken up: nothing is wrong.
          if (error instanceof NotLeaderError) core.log.debug(line);
          else core.log.error(line);
        });
      });
      await change(store.leadership());
    },
    groupUpdater: () => tasks?.groupUpdater,
    janitor: () => tasks?.janitor,
    async end() {
      unfollow?.();
      unfollow = undefined;
      const ending = tasks?.janitor;
      lose();
      await ending?.idle();
    },
  };
}

/**
 * Writes down the fabric provider of the leader's configuration as the system's. It may change only while
 * nobody is joined; group updates then wait until everybody has come back with the new one.
 * @throws Error when members of the old provider are joined.
 */
async function takeUpProviders(core: Core, events: EventHandler): Promise<void> {
  const wanted = core.deps.clientNetHints.map((hint) => hint.provider ?? "").join(",");
  const old = await core.decide((state) => {
    const current = serviceValue(state, fabricProvidersName);
    const changes: Change[] = [];
    if (current !== wanted) changes.push(serviceValueChange(fabricProvidersName, wanted));
    if (current !== undefined && current !== wanted) {
      const joined = ranksInStates(state, MemberState.Joined).length;
      if (joined > 0) {
        throw new Error(
          `cannot change system provider "${current}" to "${wanted}": ${joined} member(s) already joined`,
        );
      }
      changes.push(serviceValueChange(groupUpdatePausedName, "true"));
    }
    return { changes, answer: current };
  });
  if (old === undefined || old === wanted) return;
  const msg = `system fabric provider has changed: ${old} -> ${wanted}`;
  await events.publish(systemEvent(RasId.FabricProviderChanged, RasSeverity.Notice, msg, core.deps));
}
