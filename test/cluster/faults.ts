import { waitFor } from "../support/wait.ts";
import type { Random } from "./random.ts";
import type { ClusterSite, Host } from "./site.ts";

/** Something that goes wrong for a while. */
export interface Fault {
  readonly name: string;
  /** Makes it go wrong and, before it returns, right again. */
  run(site: ClusterSite, random: Random, leader: Host): Promise<void>;
}

/** The leader two times out of three, else another replica. */
function victim(site: ClusterSite, random: Random, leader: Host): Host {
  if (random.below(3) > 0) return leader;
  return random.pick(site.replicas.filter((host) => host !== leader));
}

const pause = (random: Random, fromMs: number, toMs: number): Promise<void> =>
  Bun.sleep(fromMs + random.below(toMs - fromMs));

const kill: Fault = {
  name: "kill -9",
  async run(site, random, leader) {
    const host = victim(site, random, leader);
    await host.stop("SIGKILL");
    await pause(random, 500, 2_500);
    host.start();
  },
};

const killTwo: Fault = {
  name: "kill -9 of a majority of three",
  async run(site, random, leader) {
    const other = random.pick(site.replicas.filter((host) => host !== leader));
    await Promise.all([leader.stop("SIGKILL"), other.stop("SIGKILL")]);
    await pause(random, 500, 1_500);
    leader.start();
    other.start();
  },
};

/** A daemon that is paused, with or without its database server. */
const freeze: Fault = {
  name: "SIGSTOP",
  async run(site, random, leader) {
    const host = victim(site, random, leader);
    const etcd = random.below(2) === 0 ? host.etcdPid() : undefined;
    host.signal("SIGSTOP");
    if (etcd !== undefined) process.kill(etcd, "SIGSTOP");
    await pause(random, 800, 4_500);
    if (etcd !== undefined) process.kill(etcd, "SIGCONT");
    host.signal("SIGCONT");
  },
};

const freezeEtcd: Fault = {
  name: "SIGSTOP of etcd alone",
  async run(site, random, leader) {
    const etcd = victim(site, random, leader).etcdPid();
    if (etcd === undefined) return;
    process.kill(etcd, "SIGSTOP");
    await pause(random, 800, 4_500);
    process.kill(etcd, "SIGCONT");
  },
};

const killEtcd: Fault = {
  name: "kill -9 of etcd alone",
  async run(site, random, leader) {
    const etcd = victim(site, random, leader).etcdPid();
    if (etcd !== undefined) process.kill(etcd, "SIGKILL");
    await pause(random, 500, 1_500);
  },
};

/** Cut off from the other replicas; clients still reach it. */
const cut: Fault = {
  name: "network cut both ways",
  async run(site, random, leader) {
    const host = victim(site, random, leader);
    for (const other of site.replicas) {
      if (other === host) continue;
      site.network.cut(host.index, other.index);
      site.network.cut(other.index, host.index);
    }
    await pause(random, 1_000, 5_000);
    site.network.mendAll();
  },
};

const cutOneWay: Fault = {
  name: "network cut one way",
  async run(site, random, leader) {
    const host = victim(site, random, leader);
    const outwards = random.below(2) === 0;
    for (const other of site.replicas) {
      if (other === host) continue;
      if (outwards) site.network.cut(host.index, other.index);
      else site.network.cut(other.index, host.index);
    }
    await pause(random, 1_000, 5_000);
    site.network.mendAll();
  },
};

const cutPair: Fault = {
  name: "network cut between two replicas",
  async run(site, random, leader) {
    const other = random.pick(site.replicas.filter((host) => host !== leader));
    site.network.cut(leader.index, other.index);
    site.network.cut(other.index, leader.index);
    await pause(random, 1_000, 5_000);
    site.network.mendAll();
  },
};

/** Bursts of loss in both directions: TCP goes on, slowly, by sending again. */
const lossy: Fault = {
  name: "slow link with loss",
  async run(site, random, leader) {
    const host = victim(site, random, leader);
    const endMs = performance.now() + 2_000 + random.below(3_000);
    while (performance.now() < endMs) {
      for (const other of site.replicas) {
        if (other === host) continue;
        const lost = random.below(100) < 35;
        if (lost) site.network.cut(host.index, other.index);
        else site.network.mend(host.index, other.index);
      }
      await pause(random, 20, 120);
    }
    site.network.mendAll();
  },
};

const restart: Fault = {
  name: "restart",
  async run(site, random, leader) {
    const host = victim(site, random, leader);
    await host.stop("SIGTERM");
    host.start();
    await pause(random, 100, 1_000);
  },
};

const restartAll: Fault = {
  name: "kill -9 and restart of all",
  async run(site, random) {
    await Promise.all(site.replicas.map((host) => host.stop("SIGKILL")));
    await pause(random, 50, 500);
    for (const host of site.replicas) host.start();
  },
};

export const faults: readonly Fault[] = [
  kill,
  freeze,
  cut,
  cutOneWay,
  restart,
  freezeEtcd,
  lossy,
  killEtcd,
  cutPair,
  killTwo,
  restartAll,
];

/** The replica that leads, as the logs have it. */
export async function currentLeader(site: ClusterSite): Promise<Host> {
  return waitFor(
    "a leader",
    async () => {
      const asked = await site.dmg("--json", "system", "leader-query");
      const addr = (JSON.parse(asked.stdout || "{}").response?.current_leader ?? "") as string;
      return site.replicas.find((host) => host.addr === addr);
    },
    60_000,
  );
}
