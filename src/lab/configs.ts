import { mkdir, writeFile } from "node:fs/promises";
import { defaultAgentConfig, defaultControlConfig, defaultServerConfig } from "../config/defaults.ts";
import { agentConfigToYaml, controlConfigToYaml, serverConfigToYaml } from "../config/to-yaml.ts";
import type { EngineConfig, ServerConfig, TransportConfig } from "../config/types.ts";
import { certificateFiles } from "../security/certificates.ts";
import type { LabLayout, ServerLayout } from "./layout.ts";
import type { LabRecord } from "./record.ts";

const loopback = "127.0.0.1";
/** Least that a ram tier may have; a folder takes of it only what is used. */
const scmSizeGib = 4;

export function controlAddress(port: number): string {
  return `${loopback}:${port}`;
}

/** The access points: the first servers. */
function accessPoints(record: LabRecord): string[] {
  return record.ports.slice(0, record.replicas).map(({ control }) => controlAddress(control));
}

export function labTransport(
  layout: LabLayout,
  record: LabRecord,
  component: "server" | "agent" | "admin",
): TransportConfig {
  const files = certificateFiles(layout.certificates);
  return {
    allowInsecure: record.insecure,
    caCert: files.caCert,
    cert: files.cert[component],
    key: files.key[component],
    ...(component === "server" ? { clientCertDir: files.clientCertDir } : {}),
  };
}

function engineConfig(
  server: ServerLayout,
  record: LabRecord,
  engine: number,
  fabricPort: number,
): EngineConfig {
  return {
    index: engine,
    targets: record.targets,
    nrXsHelpers: 0,
    provider: "ofi+tcp",
    fabricIface: "lo",
    fabricIfacePort: fabricPort,
    crtTimeout: 0,
    secondaryProviderEndpoints: [],
    disableSrx: false,
    logMask: "INFO",
    logFile: server.engineLog(engine),
    // The one lets a real engine run more targets than there are cores; the other is the room of the lab's own.
    envVars:
      record.enginePath === undefined
        ? [`DAOS_LAB_SCM_BYTES=${scmSizeGib * 1024 ** 3}`]
        : ["DAOS_TARGET_OVERSUBSCRIBE=1"],
    envPassThrough: [],
    storage: [
      {
        tier: 0,
        class: "ram",
        scmMount: server.scmMount(engine),
        scmSize: scmSizeGib,
        scmHugepagesDisabled: false,
        scmList: [],
      },
    ],
  };
}

export function labServerConfig(layout: LabLayout, record: LabRecord, index: number): ServerConfig {
  const server = layout.server(index);
  const ports = record.ports[index] ?? { control: 0, fabric: [] };
  return {
    ...defaultServerConfig(),
    accessPoints: accessPoints(record),
    port: ports.control,
    transportConfig: labTransport(layout, record, "server"),
    provider: "ofi+tcp",
    socketDir: server.runDir,
    disableHugepages: true,
    systemRamReserved: 1,
    controlLogFile: server.log,
    // Each server stands for a host of its own, although they share one.
    faultPath: `/${server.name}`,
    engines: ports.fabric.map((port, engine) => engineConfig(server, record, engine, port)),
  };
}

/** Writes the configuration of every program of the lab, and makes their folders. */
export async function writeConfigs(layout: LabLayout, record: LabRecord): Promise<void> {
  for (let index = 0; index < record.servers; index++) {
    const server = layout.server(index);
    await mkdir(server.runDir, { recursive: true, mode: 0o755 });
    await writeFile(server.config, serverConfigToYaml(labServerConfig(layout, record, index)));
  }
  await mkdir(layout.agent.runDir, { recursive: true, mode: 0o755 });
  await writeFile(
    layout.agent.config,
    agentConfigToYaml({
      ...defaultAgentConfig(),
      accessPoints: accessPoints(record),
      runtimeDir: layout.agent.runDir,
      logFile: layout.agent.log,
      transportConfig: labTransport(layout, record, "agent"),
      fabricIfaces: [{ numaNode: 0, devices: [{ iface: "lo", domain: "lo" }] }],
    }),
  );
  await writeFile(
    layout.controlConfig,
    controlConfigToYaml({
      ...defaultControlConfig(),
      hostlist: record.ports.map(({ control }) => controlAddress(control)),
      transportConfig: labTransport(layout, record, "admin"),
    }),
  );
}
