import { invokeLeader } from "../../client/invoker.ts";
import { ReplicaStorage, ReplicaSvc } from "../../gen/replica/replica_pb.ts";
import { askAll, askReplica, type MsTarget, msFault } from "./target.ts";

const callTimeoutMs = 30_000;

/**
 * Waits until the replica at `addr` votes: its server asks by itself to be added, as a learner first. Tells of
 * each step.
 * @throws Fault 600 when it cannot become one, or has not within `timeoutMs`
 */
export async function awaitMember(
  target: MsTarget,
  addr: string,
  timeoutMs: number,
  onStep: (text: string) => void,
): Promise<void> {
  if (!target.replicas.includes(addr)) {
    throw msFault(
      `${addr} is none of the access points of this configuration`,
      "name it in 'access_points' of all servers first, and restart them one after the other",
    );
  }
  const deadlineMs = performance.now() + timeoutMs;
  let said = "";
  for (;;) {
    const step = await stepOf(target, addr);
    if (step.text !== said) onStep(step.text);
    said = step.text;
    if (step.done) return;
    if (performance.now() > deadlineMs) {
      throw msFault(
        `${addr} does not vote after ${Math.round(timeoutMs / 1000)} s: ${step.text}`,
        "see the log of that server",
      );
    }
    await Bun.sleep(200);
  }
}

async function stepOf(
  target: MsTarget,
  addr: string,
): Promise<{ readonly text: string; readonly done: boolean }> {
  let state: Awaited<ReturnType<typeof askReplica>>;
  try {
    state = await askReplica(target, addr);
  } catch {
    return { text: "its server is not reached: start it", done: false };
  }
  if (state.addr === "")
    return { text: "its server does not know that it holds a replica: check its access_points", done: false };
  const { states } = await askAll(target);
  const member = [...states.values()]
    .flatMap(({ members }) => members)
    .find((one) => one.addr === addr && one.started);
  if (state.storage === ReplicaStorage.NONE)
    return { text: "its storage holds no database yet: format it, or wait", done: false };
  if (member === undefined) return { text: "being added", done: false };
  if (member.learner) return { text: "a learner, catching up", done: false };
  return { text: `votes (${state.role})`, done: state.role === "follower" || state.role === "leader" };
}

/**
 * Takes a replica out of the cluster.
 * @throws Fault 600 when that would leave no quorum that is there
 */
export async function removeReplica(target: MsTarget, addr: string): Promise<readonly string[]> {
  const { states } = await askAll(target);
  const members = [...states.values()].find(({ members: known }) => known.length > 0)?.members ?? [];
  const rest = members.filter((member) => member.addr !== addr && !member.learner);
  const alive = rest.filter((member) => {
    const state = states.get(member.addr);
    return state !== undefined && state.role !== "no quorum";
  });
  if (rest.length > 0 && alive.length <= rest.length / 2) {
    throw msFault(
      `without ${addr} only ${alive.length} of ${rest.length} replicas would be there, which is no majority`,
      "bring the others back first, or use ms recover on one of them",
    );
  }
  const others = target.replicas.filter((replica) => replica !== addr);
  const context = {
    security: target.security,
    component: "server",
    sys: target.sys,
    timeoutMs: callTimeoutMs,
  } as const;
  const { members: left } = await invokeLeader(
    ReplicaSvc.method.replicaRemove,
    others,
    { sys: target.sys, addr },
    context,
  );
  return left;
}
