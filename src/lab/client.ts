import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type DmgClient, systemField } from "../client/context.ts";
import { defaultSystemName } from "../config/defaults.ts";
import { callDrpc } from "../drpc/client.ts";
import { DrpcModule, MgmtMethod } from "../drpc/methods.ts";
import { GetAttachInfoReqSchema, GetAttachInfoRespSchema } from "../gen/mgmt/svc_pb.ts";
import { SELF_ARGV0, selfCommand } from "../helper/self.ts";
import { silentLogger } from "../log/logger.ts";
import { loadTransportSecurity } from "../security/tls.ts";
import { controlAddress, labTransport } from "./configs.ts";
import { labFault } from "./error.ts";
import type { LabLayout } from "./layout.ts";
import type { LabRecord } from "./record.ts";

/** One question to a server of the lab may take so long; all of them are on this machine. */
const callTimeoutMs = 10_000;

/** The lab's administrator, for calls without a process of their own. */
export async function labClient(
  layout: LabLayout,
  record: LabRecord,
  signal?: AbortSignal,
): Promise<DmgClient> {
  return {
    security: record.insecure
      ? { insecure: true }
      : await loadTransportSecurity(labTransport(layout, record, "admin"), "admin"),
    component: "admin",
    sys: systemField(defaultSystemName),
    systemName: defaultSystemName,
    hosts: record.ports.map(({ control }) => controlAddress(control)),
    timeoutMs: callTimeoutMs,
    signal,
    log: silentLogger,
  };
}

/**
 * What dmg prints for those arguments against the lab.
 * @throws Fault with its error text when it fails.
 */
export async function runDmg(
  layout: LabLayout,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const child = Bun.spawn([...selfCommand(), "dmg", "-o", layout.controlConfig, ...args], {
    argv0: SELF_ARGV0,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(signal === undefined ? {} : { signal }),
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  signal?.throwIfAborted();
  if (status === 0) return stdout.trimEnd();
  const reason = stderr.trim().split("\n")[0] ?? "";
  throw labFault(
    `dmg ${args.join(" ")} failed`,
    `read the logs in ${layout.dir}`,
    reason || `status ${status}`,
  );
}

/** How many ranks the agent tells a client of. */
export async function attachedRanks(layout: LabLayout): Promise<number> {
  const request = create(GetAttachInfoReqSchema, { sys: defaultSystemName, allRanks: true });
  const body = toBinary(GetAttachInfoReqSchema, request);
  const { socket } = layout.agent;
  const answer = await callDrpc(socket, DrpcModule.MGMT, MgmtMethod.GET_ATTACH_INFO, body, {
    timeoutMs: callTimeoutMs,
  });
  const info = fromBinary(GetAttachInfoRespSchema, answer);
  if (info.status !== 0) throw new Error(`GetAttachInfo status ${info.status}`);
  return info.rankUris.length;
}
