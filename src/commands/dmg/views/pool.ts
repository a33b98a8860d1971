import { type ListedPool, type PoolCreated, PoolQueryBit } from "../../../client/pool.ts";
import { formatBytes } from "../../../faults/bytes.ts";
import { errorText } from "../../../faults/fault.ts";
import {
  type PoolQueryResp,
  type PoolQueryTargetInfo,
  PoolQueryTargetInfo_TargetState,
  PoolQueryTargetInfo_TargetType,
  PoolRebuildStatus_State,
  PoolServiceState,
  StorageMediaType,
  type StorageUsageStats,
} from "../../../gen/mgmt/pool_pb.ts";
import { parseRanks } from "../../../system/ranks.ts";
import type { Json } from "../../../ui/json.ts";
import { formatEntity, formatTable } from "../../../ui/table.ts";
import { bracketedRanks, listOrNull } from "./common.ts";

export function poolCreateDocument({ uuid, answer }: PoolCreated): Json {
  return {
    uuid,
    svc_ldr: answer.svcLdr,
    svc_reps: listOrNull(answer.svcReps),
    tgt_ranks: listOrNull(answer.tgtRanks),
    tier_bytes: listOrNull(answer.tierBytes),
  };
}

export function poolCreateText({ uuid, answer }: PoolCreated): string {
  const { tierBytes, tgtRanks } = answer;
  if (tierBytes.length === 0) throw new Error("create response had 0 storage tiers");
  if (tgtRanks.length === 0) throw new Error("create response had 0 target ranks");
  const ranks = BigInt(tgtRanks.length);
  const total = tierBytes.reduce((sum, bytes) => sum + bytes, 0n);
  const ratios = tierBytes.map((bytes) => (total === 0n ? 0 : Number(bytes) / Number(total)));
  const title = `Pool created with ${ratios.map((ratio) => `${(ratio * 100).toFixed(2)}%`).join(",")} storage tier ratio`;
  return formatEntity(title, [
    ["UUID", uuid],
    ["Service Leader", `${answer.svcLdr}`],
    ["Service Ranks", bracketedRanks(answer.svcReps)],
    ["Storage Ranks", bracketedRanks(tgtRanks)],
    ["Total Size", formatBytes(total * ranks)],
    ...tierBytes.map(
      (bytes, tier) =>
        [
          `Storage tier ${tier} (${tier === 0 ? "SCM" : "NVMe"})`,
          `${formatBytes(bytes * ranks)} (${formatBytes(bytes)} / rank)`,
        ] as const,
    ),
  ]);
}

interface TierUsage {
  readonly name: string;
  readonly sizeBytes: bigint;
  readonly freeBytes: bigint;
  readonly imbalancePercent: number;
}

function mediaName(media: StorageMediaType): string {
  return StorageMediaType[media]?.toLowerCase() ?? "unknown";
}

function tierUsage(query: PoolQueryResp | undefined): TierUsage[] {
  return (query?.tierStats ?? []).map((tier) => ({
    name: mediaName(tier.mediaType).toUpperCase(),
    sizeBytes: tier.total,
    freeBytes: tier.free,
    imbalancePercent: imbalance(tier, query?.activeTargets ?? 0),
  }));
}

/** How far the fullest and the emptiest target are apart, in percent of a target's size. */
function imbalance(tier: StorageUsageStats, activeTargets: number): number {
  const share = Number(tier.total) / activeTargets;
  const percent = (Number(tier.max - tier.min) / share) * 100;
  return Number.isFinite(percent) ? Math.trunc(percent) : 0;
}

function queryOptions(mask: bigint): string {
  const names = Object.entries(PoolQueryBit).filter(([, bit]) => (mask & bit) !== 0n);
  return names
    .map(([name]) => name)
    .sort()
    .join(",");
}

function rebuildState(state: PoolRebuildStatus_State): string {
  return PoolRebuildStatus_State[state]?.toLowerCase() ?? "unknown";
}

function stateName(state: PoolServiceState): string {
  return PoolServiceState[state] ?? "invalid";
}

/** A pool's fields as 2.6's PoolInfo has them; `query` absent: not queried. */
function poolInfoFields(
  query: PoolQueryResp | undefined,
  known: { state: string; uuid: string; label: string; serviceReplicas: readonly number[] },
): { [key: string]: Json } {
  const usage = tierUsage(query);
  return {
    query_mask: queryOptions(query?.queryMask ?? 0n),
    state: known.state,
    uuid: known.uuid,
    label: known.label === "" ? undefined : known.label,
    total_targets: query?.totalTargets ?? 0,
    active_targets: query?.activeTargets ?? 0,
    total_engines: query?.totalEngines ?? 0,
    disabled_targets: query?.disabledTargets ?? 0,
    version: query?.version ?? 0,
    svc_ldr: query?.svcLdr ?? 0,
    svc_reps: known.serviceReplicas.length === 0 ? undefined : known.serviceReplicas,
    rebuild: query?.rebuild
      ? {
          status: query.rebuild.status,
          state: rebuildState(query.rebuild.state),
          objects: query.rebuild.objects,
          records: query.rebuild.records,
        }
      : null,
    tier_stats: listOrNull(
      (query?.tierStats ?? []).map((tier) => ({
        total: tier.total,
        free: tier.free,
        min: tier.min,
        max: tier.max,
        mean: tier.mean,
        media_type: mediaName(tier.mediaType),
      })),
    ),
    pool_layout_ver: query?.poolLayoutVer ?? 0,
    upgrade_layout_ver: query?.upgradeLayoutVer ?? 0,
    usage:
      usage.length === 0
        ? undefined
        : usage.map(({ name, sizeBytes, freeBytes, imbalancePercent }) => ({
            tier_name: name,
            size: sizeBytes,
            free: freeBytes,
            imbalance: imbalancePercent,
          })),
  };
}

/** Ranks as the wire has them: "" means nobody asked, "[]" means none. */
function ranksDocument(text: string): Json {
  return text === "" ? null : parseRanks(text);
}

export function poolQueryDocument(answer: PoolQueryResp): Json {
  return {
    enabled_ranks: ranksDocument(answer.enabledRanks),
    disabled_ranks: ranksDocument(answer.disabledRanks),
    status: answer.status,
    ...poolInfoFields(answer, {
      state: stateName(answer.state),
      uuid: answer.uuid,
      label: answer.label,
      serviceReplicas: answer.svcReps,
    }),
  };
}

const tierTitles = ["- Storage tier 0 (SCM):", "- Storage tier 1 (NVMe):"];

function tierTitle(tier: number): string {
  return tierTitles[tier] ?? `- Storage tier ${tier} (unknown):`;
}

/** One line: the state of the rebuild and how much it has moved. */
export function rebuildText({ rebuild }: PoolQueryResp): string {
  if (!rebuild) return "- No rebuild status available.";
  if (rebuild.status !== 0) return `- Rebuild failed, status=${rebuild.status}`;
  return `- Rebuild ${rebuildState(rebuild.state)}, ${rebuild.objects} objs, ${rebuild.records} recs`;
}

export function poolQueryText(answer: PoolQueryResp): string {
  const lines = [
    `Pool ${answer.uuid}, ntarget=${answer.totalTargets}, disabled=${answer.disabledTargets}, ` +
      `leader=${answer.svcLdr}, version=${answer.version}, state=${stateName(answer.state)}`,
  ];
  if (answer.poolLayoutVer !== answer.upgradeLayoutVer) {
    lines.push(
      `Pool layout out of date (${answer.poolLayoutVer} < ${answer.upgradeLayoutVer}) -- see \`dmg pool upgrade\` for details.`,
    );
  }
  lines.push("Pool health info:");
  const named = (text: string) => text !== "" && parseRanks(text).length > 0;
  if (named(answer.enabledRanks))
    lines.push(`- Enabled ranks: ${answer.enabledRanks.replace(/^\[|\]$/g, "")}`);
  if (named(answer.disabledRanks))
    lines.push(`- Disabled ranks: ${answer.disabledRanks.replace(/^\[|\]$/g, "")}`);
  lines.push(rebuildText(answer));
  if ((answer.queryMask & PoolQueryBit.space) !== 0n && answer.tierStats.length > 0) {
    lines.push("Pool space info:", `- Target(VOS) count:${answer.activeTargets}`);
    answer.tierStats.forEach((tier, index) => {
      lines.push(
        tierTitle(index),
        `  Total size: ${formatBytes(tier.total)}`,
        `  Free: ${formatBytes(tier.free)}, min:${formatBytes(tier.min)}, max:${formatBytes(tier.max)}, mean:${formatBytes(tier.mean)}`,
      );
    });
  }
  return lines.join("\n");
}

export function poolListDocument(status: number, pools: readonly ListedPool[]): Json {
  return {
    status,
    pools: listOrNull(
      pools.map((pool) =>
        poolInfoFields(pool.query, {
          state: pool.query ? stateName(pool.query.state) : pool.state,
          uuid: pool.uuid,
          label: pool.query?.label || pool.label,
          serviceReplicas: pool.query?.svcReps.length ? pool.query.svcReps : pool.serviceReplicas,
        }),
      ),
    ),
  };
}

export function poolListText(
  pools: readonly ListedPool[],
  options: { readonly verbose: boolean; readonly queried: boolean },
): { text: string; warnings: string } {
  const failed = pools.filter((pool) => pool.queryError !== undefined);
  const warnings = failed
    .map((pool) => `Query on pool "${poolName(pool)}" unsuccessful, error: "${errorText(pool.queryError)}"\n`)
    .join("");
  const shown = pools.filter((pool) => pool.queryError === undefined);
  if (pools.length === 0) return { text: "No pools in system", warnings };
  return { text: options.verbose ? verboseList(shown, options.queried) : briefList(shown), warnings };
}

/** The label, or the first piece of the UUID where a pool has none. */
function poolName(pool: ListedPool): string {
  return pool.label || pool.uuid.split("-")[0]!;
}

function upgradeText({ query }: ListedPool): string {
  if (!query || query.poolLayoutVer === query.upgradeLayoutVer) return "None";
  return `${query.poolLayoutVer}->${query.upgradeLayoutVer}`;
}

function poolState(pool: ListedPool): string {
  return pool.query ? stateName(pool.query.state) : pool.state;
}

function disabledText({ query }: ListedPool): string {
  return `${query?.disabledTargets ?? 0}/${query?.totalTargets ?? 0}`;
}

function briefList(pools: readonly ListedPool[]): string {
  const upgrade = pools.some((pool) => upgradeText(pool) !== "None");
  const titles = [
    "Pool",
    "Size",
    "State",
    "Used",
    "Imbalance",
    "Disabled",
    ...(upgrade ? ["UpgradeNeeded?"] : []),
  ];
  const rows = pools.map((pool) => {
    const usage = tierUsage(pool.query);
    // The size of the last tier that has one, the use of the fullest, the imbalance of the worst.
    const size = usage.findLast((tier) => tier.sizeBytes > 0n)?.sizeBytes ?? 0n;
    const used = usage.map(({ sizeBytes, freeBytes }) =>
      sizeBytes === 0n ? 0 : Math.trunc((Number(sizeBytes - freeBytes) / Number(sizeBytes)) * 100),
    );
    return {
      Pool: poolName(pool),
      Size: formatBytes(size),
      State: poolState(pool),
      Used: `${Math.max(0, ...used)}%`,
      Imbalance: `${Math.max(0, ...usage.map((tier) => tier.imbalancePercent))}%`,
      Disabled: disabledText(pool),
      "UpgradeNeeded?": upgradeText(pool),
    };
  });
  return formatTable(titles, rows);
}

function verboseList(pools: readonly ListedPool[], queried: boolean): string {
  const tiers = tierUsage(pools.find((pool) => pool.query)?.query).map((tier) => tier.name);
  const titles = [
    "Label",
    "UUID",
    "State",
    "SvcReps",
    ...tiers.flatMap((name) => [`${name} Size`, `${name} Used`, `${name} Imbalance`]),
    "Disabled",
    "UpgradeNeeded?",
    ...(queried ? ["Rebuild State"] : []),
  ];
  const rows = pools.map((pool) => {
    const replicas = pool.query?.svcReps.length ? pool.query.svcReps : pool.serviceReplicas;
    const row: Record<string, string> = {
      Label: pool.label || "-",
      UUID: pool.uuid,
      State: poolState(pool),
      SvcReps: replicas.length === 0 ? "N/A" : bracketedRanks(replicas),
      Disabled: disabledText(pool),
      "UpgradeNeeded?": upgradeText(pool),
      "Rebuild State": pool.query?.rebuild ? rebuildState(pool.query.rebuild.state) : "Unknown",
    };
    for (const tier of tierUsage(pool.query)) {
      row[`${tier.name} Size`] = formatBytes(tier.sizeBytes);
      row[`${tier.name} Used`] = formatBytes(tier.sizeBytes - tier.freeBytes);
      row[`${tier.name} Imbalance`] = `${tier.imbalancePercent}%`;
    }
    return row;
  });
  return formatTable(titles, rows);
}

export function poolTargetsDocument(answer: { status: number; infos: readonly PoolQueryTargetInfo[] }): Json {
  return {
    status: answer.status,
    Infos: listOrNull(
      answer.infos.map((info) => ({
        target_type: targetType(info),
        target_state: targetState(info),
        space: [0, 1].map((tier) => ({
          total: info.space[tier]?.total ?? 0n,
          free: info.space[tier]?.free ?? 0n,
          min: 0,
          max: 0,
          mean: 0,
          media_type: mediaName(tier),
        })),
      })),
    ),
  };
}

export function poolTargetsText(infos: readonly PoolQueryTargetInfo[]): string {
  return infos
    .map((info) => {
      const lines = [`Target: type ${targetType(info)}, state ${targetState(info)}`];
      for (const tier of [0, 1]) {
        lines.push(
          tierTitle(tier),
          `  Total size: ${formatBytes(info.space[tier]?.total ?? 0n)}`,
          `  Free: ${formatBytes(info.space[tier]?.free ?? 0n)}`,
        );
      }
      return `${lines.join("\n")}\n`;
    })
    .join("");
}

function targetType({ type }: PoolQueryTargetInfo): string {
  return PoolQueryTargetInfo_TargetType[type]?.toLowerCase() ?? "invalid";
}

function targetState({ state }: PoolQueryTargetInfo): string {
  return PoolQueryTargetInfo_TargetState[state]?.toLowerCase() ?? "invalid";
}
