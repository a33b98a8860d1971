import { create } from "@bufbuild/protobuf";
import {
  type GetAttachInfoReq,
  type GetAttachInfoResp,
  GetAttachInfoResp_RankUriSchema,
  GetAttachInfoRespSchema,
} from "../../gen/mgmt/svc_pb.ts";
import { groupMap } from "../../system/group-map.ts";
import type { Member, SystemState } from "../../system/types.ts";
import { encodeOnce } from "../encode-once.ts";
import type { Core } from "./core.ts";

/** Answers GetAttachInfo: where clients find the ranks, and how to set up their network. */
export function createGetAttachInfo(core: Core) {
  const answers = new WeakMap<SystemState, { all?: GetAttachInfoResp; service?: GetAttachInfoResp }>();

  return (request: GetAttachInfoReq): GetAttachInfoResp => {
    const state = core.replica();
    let kept = answers.get(state);
    if (kept === undefined) {
      kept = {};
      answers.set(state, kept);
    }
    if (request.allRanks) {
      kept.all ??= encodeOnce(attachInfo(core, state, true));
      return kept.all;
    }
    kept.service ??= encodeOnce(attachInfo(core, state, false));
    return kept.service;
  };
}

/** All ranks, or those on replicas of the management service only. */
function attachInfo(core: Core, state: SystemState, allRanks: boolean): GetAttachInfoResp {
  const { clientNetHints, systemName } = core.deps;
  const [primaryHint, ...secondaryHints] = clientNetHints;
  if (primaryHint === undefined) throw new Error("clientNetworkHint is missing");
  const map = groupMap(state, core.isReplica);
  if (map.members.length === 0) throw new Error("empty group map (all ranks excluded?)");
  const onReplica = new Set(map.msRanks);
  const members = allRanks ? map.members : map.members.filter((member) => onReplica.has(member.rank));
  for (const { rank, secondaryFabricUris } of members) {
    const uris = secondaryFabricUris.length + 1;
    if (clientNetHints.length < uris) {
      throw new Error(
        `not enough client network hints (${clientNetHints.length}) for rank ${rank} URIs (${uris})`,
      );
    }
  }
  return create(GetAttachInfoRespSchema, {
    rankUris: members.map(({ rank, fabricUri: uri, fabricContexts: numCtxs }) =>
      create(GetAttachInfoResp_RankUriSchema, { rank, uri, numCtxs }),
    ),
    secondaryRankUris: members.flatMap(secondaryUris),
    msRanks: [...map.msRanks],
    clientNetHint: primaryHint,
    secondaryClientNetHints: secondaryHints,
    dataVersion: state.version,
    sys: systemName,
  });
}

function secondaryUris(member: Member) {
  return member.secondaryFabricUris.map((uri, index) =>
    create(GetAttachInfoResp_RankUriSchema, {
      rank: member.rank,
      uri,
      providerIdx: index + 1,
      numCtxs: member.secondaryFabricContexts[index] ?? 0,
    }),
  );
}
