import { type EngineConfig, isScmTier, type ServerConfig } from "../../config/types.ts";
import { faultScmNoPMem } from "../../faults/scm.ts";
import { readNetDevice } from "../../hardware/netdev.ts";
import type { PmemNamespace } from "../../hardware/pmem.ts";
import { createPmemHost, namespacesOf, type PmemModule, scanPmem } from "../../storage/pmem/host.ts";
import { describeAction, type PmemOutcome, preparePmem, resetPmem } from "../../storage/pmem/run.ts";
import { PMEM_WARNING, PREPARE_REBOOT, RESET_DONE, resetRebootText } from "../../storage/pmem/words.ts";
import { askConsent } from "../dmg/confirm.ts";
import { flag, helperOptions, optionalConfig, wholeNumber } from "./options.ts";

type Args = Readonly<Record<string, unknown>>;

async function engineNode(engine: EngineConfig): Promise<number | undefined> {
  if (engine.pinnedNumaNode !== undefined) return engine.pinnedNumaNode;
  const name = engine.fabricIface;
  return name === undefined ? undefined : (await readNetDevice(name))?.numaNode;
}

/** The socket asked for, or that of all engines with PMem when they share one. */
async function chosenSocket(args: Args, config: ServerConfig | undefined): Promise<number | undefined> {
  const asked = wholeNumber(args, "socket");
  if (asked !== undefined) return asked;
  const engines = (config?.engines ?? []).filter((engine) =>
    engine.storage.some((tier) => isScmTier(tier) && tier.class === "dcpm"),
  );
  const nodes = new Set(await Promise.all(engines.map(engineNode)));
  return nodes.size === 1 ? [...nodes][0] : undefined;
}

/** The warning of 2.6, and consent unless it was given on the command line. */
async function consent(args: Args): Promise<void> {
  if (!flag(args, "json")) console.log(PMEM_WARNING);
  if (flag(args, "force")) return;
  if (flag(args, "json")) throw new Error("JSON output only supported with force option");
  await askConsent("");
}

function sayActions(args: Args) {
  return {
    onAction: (action: Parameters<typeof describeAction>[0]) => {
      if (!flag(args, "json")) console.log(`- ${describeAction(action)}`);
    },
  };
}

/** What a prepare ends with: namespaces, or that a reboot is needed. */
export interface ScmPrepared {
  readonly message: string;
  readonly rebootRequired: boolean;
  readonly namespaces: readonly PmemNamespace[];
}

export async function scmPrepare(args: Args): Promise<ScmPrepared> {
  const namespacesPerSocket = wholeNumber(args, "scm-ns-per-socket") ?? 1;
  if (namespacesPerSocket === 0) throw new Error("(-S|--scm-ns-per-socket) should be set to at least 1");
  if (!flag(args, "json")) console.log("Prepare locally-attached PMem...");
  const socketId = await chosenSocket(args, await optionalConfig(args));
  await consent(args);
  const host = createPmemHost(helperOptions(args));
  const outcome = await preparePmem(host, { socketId, namespacesPerSocket }, sayActions(args));
  return preparedOf(outcome);
}

function preparedOf({ state, rebootRequired, namespaces }: PmemOutcome): ScmPrepared {
  if (state.state === "NoModules") throw faultScmNoPMem();
  return { message: rebootRequired ? PREPARE_REBOOT : "", rebootRequired, namespaces };
}

export async function scmReset(args: Args): Promise<ScmPrepared> {
  if (!flag(args, "json")) console.log("Reset locally-attached PMem...");
  const socketId = await chosenSocket(args, await optionalConfig(args));
  await consent(args);
  const { state, rebootRequired } = await resetPmem(
    createPmemHost(helperOptions(args)),
    { socketId },
    sayActions(args),
  );
  if (state.state === "NoModules") throw faultScmNoPMem();
  const message = rebootRequired ? resetRebootText(state.state) : RESET_DONE;
  return { message, rebootRequired, namespaces: [] };
}

export interface ScmScan {
  readonly modules: readonly PmemModule[];
  readonly namespaces: readonly PmemNamespace[];
}

/** PMem modules and what block devices the kernel has made of them. */
export async function scmScan(args: Args): Promise<ScmScan> {
  const socketId = await chosenSocket(args, await optionalConfig(args));
  const { modules } = await scanPmem(helperOptions(args));
  return {
    modules: modules.filter((one) => socketId === undefined || one.socketId === socketId),
    namespaces: await namespacesOf(socketId),
  };
}
