import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { callUnary } from "../../src/client/transport.ts";
import { parseServerConfig } from "../../src/config/server.ts";
import { type Server, type ServerOptions, startServer } from "../../src/daemon/server.ts";
import { CtlSvc } from "../../src/gen/ctl/ctl_pb.ts";
import { MgmtSvc } from "../../src/gen/mgmt/mgmt_pb.ts";
import type { Logger } from "../../src/log/logger.ts";
import type { Component } from "../../src/services/method.ts";
import { freePort } from "../support/site.ts";
import { tempFolder } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";

/** A folder with what servers in this process need, and the peer program as daos_engine on the PATH. */
export interface ServerBench extends AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly socketDir: string;
  readonly scmMount: string;
  readonly log: string[];
  /** Those started, in order. */
  readonly servers: readonly Server[];
  /** Starts a server with this bench's configuration; it is stopped with the bench. */
  start(options?: Partial<ServerOptions>): Promise<Server>;
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    component?: Component,
  ): Promise<MessageShape<O>>;
  format(reformat?: boolean): Promise<MessageShape<typeof CtlSvc.method.storageFormat.output>>;
  /** States of all members, by rank. */
  states(): Promise<string[]>;
  /** Resolves when the log has a line with `text`. */
  logged(text: string): Promise<string>;
  yaml: string;
}

export interface BenchOptions {
  readonly engines?: number;
  readonly bdevFile?: boolean;
  readonly envVars?: readonly string[];
  readonly lines?: readonly string[];
  /** Metadata on SSD: roles on the file tier, control_metadata in the bench's folder. */
  readonly metadataOnSsd?: boolean;
}

const request = { sys: "daos_server-2.6.0" };

export async function serverBench(options: BenchOptions = {}): Promise<ServerBench> {
  const temp = await tempFolder("daosctl-server-");
  const folder = temp.path;
  const bin = join(folder, "bin");
  await mkdir(bin);
  const peer = resolve(import.meta.dirname, "../support/engine-peer.ts");
  await writeFile(join(bin, "daos_engine"), `#!/bin/sh\nexec '${process.execPath}' '${peer}' "$@"\n`);
  await chmod(join(bin, "daos_engine"), 0o755);
  const savedPath = process.env["PATH"];
  process.env["PATH"] = `${bin}:${savedPath}`;

  const port = await freePort();
  const socketDir = join(folder, "run");
  const scmMount = (index: number) => join(folder, `scm${index}`);
  const withBdev = options.bdevFile === true || options.metadataOnSsd === true;
  const roles = options.metadataOnSsd ? "    bdev_roles: [data, meta, wal]\n" : "";
  const engine = (index: number) => `- targets: 4
  nr_xs_helpers: 0
  fabric_iface: lo
  fabric_iface_port: ${31000 + index * 100}
  log_file: ${folder}/engine${index}.log
  env_vars: [${["PEER=1", ...(options.envVars ?? [])].join(", ")}]
  storage:
  - class: ram
    scm_mount: ${scmMount(index)}
    scm_size: 1
${withBdev ? `  - class: file\n    bdev_list: [${folder}/bdev${index}]\n    bdev_size: 1\n${roles}` : ""}`;
  const yaml = `name: daos_server
access_points: ["127.0.0.1:${port}"]
port: ${port}
provider: ofi+tcp
socket_dir: ${socketDir}
disable_hugepages: ${!withBdev}${options.metadataOnSsd ? `\ncontrol_metadata: {path: ${folder}/md}` : ""}
transport_config:
  allow_insecure: true
${(options.lines ?? []).join("\n")}
engines:
${Array.from({ length: options.engines ?? 1 }, (_, index) => engine(index)).join("")}`;

  const lines: string[] = [];
  const write = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  const log: Logger = {
    debug: write("DEBUG"),
    info: write("INFO"),
    notice: write("NOTICE"),
    error: write("ERROR"),
  };
  const servers: Server[] = [];
  const bench: ServerBench = {
    folder,
    port,
    socketDir,
    scmMount: scmMount(0),
    log: lines,
    servers,
    yaml,
    async start(over = {}) {
      const { config, problems } = parseServerConfig(new TextEncoder().encode(bench.yaml), "daos_server.yml");
      if (problems[0] !== undefined) throw problems[0].fault;
      const server = await startServer(
        { config, log, autoFormat: false, scmAsFolder: true, listen: ["127.0.0.1"], ...over },
        new AbortController().signal,
      );
      servers.push(server);
      return server;
    },
    call: (method, message, component = "admin") =>
      callUnary(method, `127.0.0.1:${port}`, message, {
        security: { insecure: true },
        component,
        timeoutMs: 15_000,
      }),
    format: (reformat = false) => bench.call(CtlSvc.method.storageFormat, { nvme: {}, scm: {}, reformat }),
    async states() {
      const { members } = await bench.call(MgmtSvc.method.systemQuery, { ...request, stateMask: 0xffff });
      return members.sort((left, right) => left.rank - right.rank).map((member) => member.state);
    },
    logged: (text) => waitFor(`log line "${text}"`, () => lines.find((line) => line.includes(text))),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.stop()));
      process.env["PATH"] = savedPath;
      await temp[Symbol.asyncDispose]();
    },
  };
  return bench;
}
