import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EngineConfig, ServerConfig } from "../../config/types.ts";
import { FaultCode } from "../../faults/codes.ts";
import { Fault } from "../../faults/fault.ts";
import type { ClientNetHintSchema } from "../../gen/mgmt/svc_pb.ts";
import { domainOf, splitProviders } from "../../hardware/fabric.ts";
import { type NetDevice, readNetDevice } from "../../hardware/netdev.ts";
import type { Logger } from "../../log/logger.ts";

const POLL_MS = 1_000;

/** The interfaces that engines are configured with, by name. */
export type FabricDevices = ReadonlyMap<string, NetDevice>;

export function engineInterfaces(engine: EngineConfig): string[] {
  return splitProviders(engine.fabricIface ?? "");
}

function faultInterface(name: string, problem: string): Fault {
  return new Fault(
    "serverconfig",
    FaultCode.ServerBadConfig,
    `fabric interface "${name}" ${problem}`,
    "set 'fabric_iface' of the engine to an interface of this host that has an address",
  );
}

/**
 * Reads the interfaces of all engines. One that is down is waited for, as a fabric may come up after us.
 * @throws Fault 701 when one does not exist or has no address
 */
export async function awaitFabric(
  config: ServerConfig,
  log: Logger,
  signal: AbortSignal,
): Promise<FabricDevices> {
  const names = [...new Set(config.engines.flatMap(engineInterfaces))];
  const devices = new Map<string, NetDevice>();
  await Promise.all(
    names.map(async (name) => {
      for (let told = false; ; told = true) {
        signal.throwIfAborted();
        const device = await readNetDevice(name);
        if (device === undefined) throw faultInterface(name, "does not exist");
        if (device.ready) {
          if (!device.hasAddress) throw faultInterface(name, "has no network address");
          devices.set(name, device);
          return;
        }
        if (!told) log.notice(`waiting for fabric interface ${name} to become ready`);
        await Bun.sleep(POLL_MS);
      }
    }),
  );
  return devices;
}

/** NUMA node of an engine's first interface. */
export function engineNumaNode(engine: EngineConfig, devices: FabricDevices): number | undefined {
  return devices.get(engineInterfaces(engine)[0] ?? "")?.numaNode;
}

/** Value of D_DOMAIN: the libfabric domain of each of an engine's interfaces. */
export function engineDomain(engine: EngineConfig, devices: FabricDevices): string {
  const providers = splitProviders(engine.provider ?? "");
  return engineInterfaces(engine)
    .map((name, index) => {
      const device = devices.get(name);
      const provider = providers[index] ?? providers[0] ?? "";
      const domain = device === undefined ? undefined : domainOf(device, provider);
      if (domain === undefined) throw faultInterface(name, `cannot carry provider ${provider}`);
      return domain;
    })
    .join(",");
}

/** FI_OFI_RXM_USE_SRX for clients: what env_vars of all engines say alike, else `disable_srx`. */
function srxSetting(config: ServerConfig): number {
  const name = "FI_OFI_RXM_USE_SRX";
  const settings = config.engines.map((engine) => {
    if (engine.envPassThrough.includes(name)) {
      throw new Fault(
        "serverconfig",
        FaultCode.ServerBadConfig,
        `${name} may not be set as a pass-through env var`,
        "remove it from 'env_pass_through' and set 'disable_srx' instead",
      );
    }
    const line = engine.envVars.find((pair) => pair.startsWith(`${name}=`));
    return line === undefined ? -1 : Number(line.slice(name.length + 1));
  });
  const first = settings[0];
  if (first === undefined) return -1;
  if (settings.some((setting) => setting !== first)) {
    throw new Fault(
      "serverconfig",
      FaultCode.ServerBadConfig,
      `${name} setting must be the same for all engines`,
      "use the same 'env_vars' for all engines",
    );
  }
  if (first !== -1) return first;
  return config.disableSrx ? 0 : 1;
}

/**
 * What clients are told of the network, one hint a provider.
 * @throws Fault 613 when engines sit on networks of different kinds
 */
export function clientNetHints(
  config: ServerConfig,
  devices: FabricDevices,
): MessageInitShape<typeof ClientNetHintSchema>[] {
  const providers = splitProviders(config.provider ?? "");
  const srvSrxSet = srxSetting(config);
  return providers.map((provider, index) => {
    let netDevClass: number | undefined;
    for (const engine of config.engines) {
      const names = engineInterfaces(engine);
      const found = devices.get(names[index] ?? names[0] ?? "")?.deviceClass;
      netDevClass ??= found;
      if (found === netDevClass) continue;
      throw new Fault(
        "serverconfig",
        FaultCode.ServerConfigInvalidNetDevClass,
        `network device class of engine ${engine.index} (${found}) differs from that of engine 0 (${netDevClass})`,
        "configure all engines with interfaces of one network device class",
      );
    }
    return {
      provider,
      crtTimeout: config.crtTimeout,
      netDevClass: netDevClass ?? 0,
      srvSrxSet,
      providerIdx: index,
      envVars: config.clientEnvVars,
    };
  });
}
