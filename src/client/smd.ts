/** What engines know of their NVMe devices, and what can be done to a device. */
import { daosStatusText } from "../faults/daos-status.ts";
import {
  LedAction,
  LedState,
  NvmeDevState,
  type SmdDevice,
  SmdManageReqSchema,
  type SmdManageResp,
  SmdManageRespSchema,
  SmdQueryReqSchema,
  type SmdQueryResp,
  SmdQueryRespSchema,
} from "../gen/ctl/smd_pb.ts";
import { parseUuid } from "../system/labels.ts";
import type { DmgClient } from "./context.ts";
import { addHostError, groupHosts, type HostErrors, type HostGroup, splitResults } from "./host-results.ts";
import { invokeHosts } from "./invoker.ts";
import { unary } from "./unary.ts";

const rpc = {
  query: unary("ctl.CtlSvc", "SmdQuery", SmdQueryReqSchema, SmdQueryRespSchema),
  manage: unary("ctl.CtlSvc", "SmdManage", SmdManageReqSchema, SmdManageRespSchema),
};

/** A device as the engine of `rank` knows it. */
export interface RankDevice {
  readonly rank: number;
  readonly device: SmdDevice;
}

/** The part of a pool that stands on one rank's devices. */
export interface RankPool {
  readonly uuid: string;
  readonly rank: number;
  readonly targetIds: readonly number[];
  readonly blobs: readonly bigint[];
}

/** undefined: the host told nothing of its devices or pools. */
export interface SmdInfo {
  readonly devices: readonly RankDevice[];
  /** undefined: not asked for. */
  readonly pools: readonly RankPool[] | undefined;
}

export interface SmdAnswer {
  readonly errors: HostErrors;
  readonly groups: readonly HostGroup<SmdInfo | undefined>[];
}

export interface SmdQueryOptions {
  readonly omitDevices?: boolean;
  readonly omitPools?: boolean;
  readonly health?: boolean;
  /** nilRank: all ranks. */
  readonly rank: number;
  /** Of a device or a pool; "": all. */
  readonly uuid: string;
  readonly evictedOnly?: boolean;
}

export async function smdQuery(client: DmgClient, options: SmdQueryOptions): Promise<SmdAnswer> {
  if (options.uuid !== "" && parseUuid(options.uuid) === undefined) {
    throw new Error(`invalid UUID "${options.uuid}"`);
  }
  const request = {
    omitDevices: options.omitDevices ?? false,
    omitPools: options.omitPools ?? false,
    includeBioHealth: options.health ?? false,
    uuid: options.uuid,
    rank: options.rank,
  };
  const { answers, errors } = splitResults(await invokeHosts(rpc.query, client.hosts, request, client));
  const infos = answers.map(({ host, value }) => ({ host, value: queriedInfo(value, options.evictedOnly) }));
  return { errors, groups: groupHosts(infos) };
}

function queriedInfo(answer: SmdQueryResp, evictedOnly = false): SmdInfo {
  const devices = answer.ranks.flatMap(({ rank, devices }) => devices.map((device) => ({ rank, device })));
  return {
    devices: evictedOnly
      ? devices.filter(({ device }) => device.ctrlr?.devState === NvmeDevState.EVICTED)
      : devices,
    pools: answer.ranks.flatMap(({ rank, pools }) =>
      pools.map((pool) => ({ uuid: pool.uuid, rank, targetIds: pool.tgtIds, blobs: pool.blobs })),
    ),
  };
}

/** What to do, named as 2.6 names it in messages. `ids`: UUIDs or PCI addresses, comma-separated; "": all. */
export type SmdOperation =
  | { readonly kind: "set-faulty"; readonly uuid: string }
  | {
      readonly kind: "dev-replace";
      readonly oldUuid: string;
      readonly newUuid: string;
      readonly noReint: boolean;
    }
  | { readonly kind: "led-check"; readonly ids: string }
  | { readonly kind: "led-blink"; readonly ids: string; readonly minutes: number }
  | { readonly kind: "led-reset"; readonly ids: string };

/** @throws Error for UUIDs that are none, or when more than one host is asked to change a device */
export async function smdManage(client: DmgClient, operation: SmdOperation): Promise<SmdAnswer> {
  const request = manageRequest(operation);
  const changes = operation.kind === "set-faulty" || operation.kind === "dev-replace";
  if (changes && client.hosts.length > 1) {
    throw new Error(`cannot perform ${operation.kind} operation on > 1 host`);
  }
  const { answers, errors } = splitResults(await invokeHosts(rpc.manage, client.hosts, request, client));
  const infos = answers.map(({ host, value }) => {
    const problem = manageProblem(value);
    if (problem !== undefined) addHostError(errors, host, problem);
    return { host, value: managedInfo(value) };
  });
  return { errors, groups: groupHosts(infos) };
}

function manageRequest(operation: SmdOperation) {
  switch (operation.kind) {
    case "set-faulty":
      return {
        op: { case: "faulty", value: { uuid: deviceUuid(operation.uuid, "to set-faulty") } },
      } as const;
    case "dev-replace":
      return {
        op: {
          case: "replace",
          value: {
            oldDevUuid: deviceUuid(operation.oldUuid, "for replacement", "old "),
            newDevUuid: deviceUuid(operation.newUuid, "for replacement", "new "),
            noReint: operation.noReint,
          },
        },
      } as const;
    case "led-check":
      return led(operation.ids, LedAction.GET, LedState.NA, 0);
    case "led-blink":
      return led(operation.ids, LedAction.SET, LedState.QUICK_BLINK, operation.minutes);
    case "led-reset":
      return led(operation.ids, LedAction.RESET, LedState.NA, 0);
  }
}

function led(ids: string, ledAction: LedAction, ledState: LedState, ledDurationMins: number) {
  return { op: { case: "led", value: { ids, ledAction, ledState, ledDurationMins } } } as const;
}

function deviceUuid(text: string, purpose: string, which = ""): string {
  const uuid = parseUuid(text);
  if (uuid === undefined) throw new Error(`bad ${which}device UUID ${purpose}: invalid UUID "${text}"`);
  return uuid;
}

function managedInfo(answer: SmdManageResp): SmdInfo | undefined {
  const devices = answer.ranks.flatMap(({ rank, results }) =>
    results.flatMap(({ device }) => (device ? [{ rank, device }] : [])),
  );
  return devices.length === 0 ? undefined : { devices, pools: undefined };
}

function manageProblem(answer: SmdManageResp): Error | undefined {
  const problems = answer.ranks.flatMap(({ rank, results }) =>
    results
      .filter(({ status }) => status !== 0)
      .map(({ status, device }) => {
        const id = device?.uuid || device?.ctrlr?.pciAddr;
        return `rank ${rank}: ${id ? `${id} ` : ""}${daosStatusText(status)}`;
      }),
  );
  return problems.length === 0 ? undefined : new Error(problems.join(", "));
}
