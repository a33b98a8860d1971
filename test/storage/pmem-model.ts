import type { PmemAction, PmemObservation } from "../../src/storage/pmem/plan.ts";
import type { PmemHost } from "../../src/storage/pmem/run.ts";

export const GIB = 1n << 30n;

interface ModelRegion {
  socketId: number;
  type: string;
  health: string;
  capacityBytes: bigint;
  namespaces: { name: string; sizeBytes: bigint }[];
}

/** Two sockets of PMem that behave as modules, firmware and kernel do together: goals take a boot. */
export class PmemModel implements PmemHost {
  regions: ModelRegion[] = [];
  goals = new Set<number>();
  mounted = new Set<string>();
  readonly performed: string[] = [];
  /** Number of actions after which the process "dies"; undefined: never. */
  dieAfter: number | undefined;

  constructor(
    readonly sockets: readonly number[] = [0, 1],
    readonly capacityBytes = 512n * GIB,
    readonly moduleCount = 12,
  ) {}

  boot(): void {
    for (const socketId of this.goals) {
      this.regions = this.regions.filter((region) => region.socketId !== socketId);
      this.regions.push({
        socketId,
        type: "AppDirect",
        health: "Healthy",
        capacityBytes: this.capacityBytes,
        namespaces: [],
      });
    }
    this.regions.sort((left, right) => left.socketId - right.socketId);
    this.goals.clear();
  }

  #free(region: ModelRegion): bigint {
    return region.namespaces.reduce((left, one) => left - one.sizeBytes, region.capacityBytes);
  }

  async observe(): Promise<PmemObservation> {
    return {
      moduleCount: this.moduleCount,
      regions: this.regions.map((region) => ({
        socketId: region.socketId,
        type: region.type,
        health: region.health,
        capacityBytes: region.capacityBytes,
        freeBytes: this.#free(region),
        isetId: String(1000 + region.socketId),
      })),
      kernelRegions: this.regions.map((region) => ({
        name: `region${region.socketId}`,
        isetId: String(1000 + region.socketId),
        numaNode: region.socketId,
        availableBytes: this.#free(region),
      })),
      namespaces: this.regions.flatMap((region) =>
        region.namespaces.map((one, index) => ({
          uuid: `${one.name}-uuid`,
          blockDevice: `pmem${region.socketId}${index === 0 ? "" : `.${index}`}`,
          name: one.name,
          numaNode: region.socketId,
          sizeBytes: one.sizeBytes,
        })),
      ),
    };
  }

  async perform(action: PmemAction): Promise<void> {
    if (this.dieAfter !== undefined) {
      if (this.dieAfter === 0) throw new Error("killed");
      this.dieAfter -= 1;
    }
    this.performed.push(action.do);
    const chosen = "socketId" in action && action.socketId !== undefined ? [action.socketId] : this.sockets;
    switch (action.do) {
      case "delete-goals":
        for (const socket of chosen) this.goals.delete(socket);
        return;
      case "create-goal":
        if (this.regions.some((one) => chosen.includes(one.socketId) && one.namespaces.length > 0))
          throw new Error("namespaces exist");
        for (const socket of chosen) this.goals.add(socket);
        return;
      case "create-namespace": {
        const region = this.regions.find((one) => `region${one.socketId}` === action.region);
        if (region === undefined || this.#free(region) < action.sizeBytes) throw new Error("no space");
        const taken = new Set(region.namespaces.map((one) => one.name));
        let index = 0;
        while (taken.has(`namespace${region.socketId}.${index}`)) index += 1;
        region.namespaces.push({ name: `namespace${region.socketId}.${index}`, sizeBytes: action.sizeBytes });
        return;
      }
      case "unmount":
        this.mounted.delete(action.device);
        return;
      case "destroy-namespace":
        for (const region of this.regions)
          region.namespaces = region.namespaces.filter((one) => one.name !== action.name);
    }
  }
}
