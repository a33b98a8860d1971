import { writeFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { fetchAttachInfo } from "../../client/attach-info.ts";
import { systemField } from "../../client/context.ts";
import { hostAddresses } from "../../client/hostset.ts";
import { closeConnections } from "../../client/transport.ts";
import type { AgentConfig } from "../../config/types.ts";
import { wrapError } from "../../faults/cause.ts";
import type { ClientNetHint, GetAttachInfoResp, GetAttachInfoResp_RankUri } from "../../gen/mgmt/svc_pb.ts";
import { loadTransportSecurity } from "../../security/tls.ts";
import { printJson } from "../../ui/json.ts";
import { type AgentFlags, agentConfig } from "./options.ts";

export const command = defineCommand({
  meta: { name: "dump-attachinfo", description: "Dump system attachinfo" },
  args: {
    output: {
      type: "string",
      alias: "o",
      description: "Write it to this file instead of standard output",
      valueHint: "path",
    },
  },
  async run({ args }) {
    const config = await agentConfig(args as AgentFlags);
    const info = await fetch(config);
    if ((args as { json?: boolean }).json) return printJson(documentOf(info), null);
    const system = info.sys === "" ? config.name : info.sys;
    const text = attachInfoFile(system, ranksOf(info, config.providerIdx));
    if (args.output === undefined || args.output === "stdout") process.stdout.write(text);
    else await writeFile(args.output, text);
  },
});

async function fetch(config: AgentConfig): Promise<GetAttachInfoResp> {
  const security = await loadTransportSecurity(config.transportConfig, "agent");
  const hosts = hostAddresses(config.accessPoints, config.port);
  try {
    const client = { security, component: "agent", sys: systemField(config.name) } as const;
    return (await fetchAttachInfo(client, hosts)).info;
  } catch (error) {
    throw wrapError("GetAttachInfo failed", error);
  } finally {
    closeConnections();
  }
}

/** The file that singleton clients of CaRT read (crt_group_config_save of 2.6 writes it). */
export function attachInfoFile(system: string, ranks: readonly GetAttachInfoResp_RankUri[]): string {
  const lines = [
    `name ${system}`,
    `size ${ranks.length}`,
    "all",
    ...ranks.map(({ rank, uri }) => `${rank} ${uri}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Ranks by the addresses of one of the servers' providers; 0 is the first. */
export function ranksOf(info: GetAttachInfoResp, providerIndex: number): GetAttachInfoResp_RankUri[] {
  if (providerIndex === 0) return info.rankUris;
  const hint = info.secondaryClientNetHints[providerIndex - 1];
  if (hint === undefined) {
    throw new Error(`provider index must be in range 0 <= idx <= ${info.secondaryClientNetHints.length}`);
  }
  const ranks = info.secondaryRankUris.filter((uri) => uri.providerIdx === hint.providerIdx);
  if (ranks.length === 0) throw new Error(`no ranks for provider "${hint.provider}" (idx ${providerIndex})`);
  return ranks;
}

function documentOf(info: GetAttachInfoResp) {
  return {
    sys: info.sys,
    rank_uris: info.rankUris.map(rankDocument),
    secondary_rank_uris: emptyAsNull(info.secondaryRankUris.map(rankDocument)),
    ms_ranks: info.msRanks,
    client_net_hint: info.clientNetHint === undefined ? null : hintDocument(info.clientNetHint),
    secondary_client_net_hints: emptyAsNull(info.secondaryClientNetHints.map(hintDocument)),
  };
}

/** Go prints a list that was never made as null. */
function emptyAsNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function rankDocument({ rank, uri, providerIdx, numCtxs }: GetAttachInfoResp_RankUri) {
  return { rank, uri, provider_idx: providerIdx, num_ctxs: numCtxs };
}

function hintDocument(hint: ClientNetHint) {
  return {
    provider: hint.provider,
    interface: hint.interface,
    domain: hint.domain,
    crt_timeout: hint.crtTimeout,
    net_dev_class: hint.netDevClass,
    srv_srx_set: hint.srvSrxSet,
    env_vars: emptyAsNull(hint.envVars),
    provider_idx: hint.providerIdx,
  };
}
