import { create, toBinary } from "@bufbuild/protobuf";
import { isManagementUnreachable } from "../../client/connection-errors.ts";
import { decodeBody } from "../../drpc/body.ts";
import type { DrpcHandler, DrpcSession } from "../../drpc/types.ts";
import { causeOf } from "../../faults/cause.ts";
import { FaultCode } from "../../faults/codes.ts";
import { errorText, isFault } from "../../faults/fault.ts";
import {
  type ClientNetHint,
  type GetAttachInfoReq,
  GetAttachInfoReqSchema,
  type GetAttachInfoResp,
  GetAttachInfoRespSchema,
} from "../../gen/mgmt/svc_pb.ts";
import type { Topology } from "../../hardware/topology.ts";
import type { Logger } from "../../log/logger.ts";
import type { AttachInfoSource } from "./attach-info.ts";
import { carries, type Fabric } from "./fabric.ts";
import type { FabricSource } from "./fabric-source.ts";
import { processNumaNode, processText } from "./process.ts";

/** DAOS statuses that libdaos is answered with: rows of codes-2.6.tsv. */
const DER_UNREACH = -1006;
const DER_INVAL = -1003;
const DER_CONTROL_INCOMPAT = -2038;
const DER_BAD_CERT = -2044;

export interface GetAttachInfoOptions {
  readonly systemName: string;
  /** Which of the servers' providers clients are pointed at; 0: the first. */
  readonly providerIndex: number;
  /** "K=V" added to what the servers want set in clients. */
  readonly clientEnvVars: readonly string[];
  readonly source: AttachInfoSource;
  readonly fabric: FabricSource;
  readonly topology: () => Promise<Topology>;
  readonly log: Logger;
}

/** Answers encoded before, by what varies: interface, domain, provider. Dies with the information it is made of. */
type Encoded = WeakMap<GetAttachInfoResp, Map<string, Uint8Array>>;

/**
 * What libdaos asks first: where the ranks are, and which of this node's interfaces to reach them by. The
 * interface is one near the NUMA node the process runs on, in turn where there are several. With everything at hand
 * the answer is made at once, without giving up the turn: hundreds of processes may start together.
 */
export function getAttachInfoHandler(options: GetAttachInfoOptions): DrpcHandler {
  const { log, systemName, source, fabric } = options;
  const encoded: Encoded = new WeakMap();
  const decode = rememberingDecoder();
  const asked = createAskers();
  const names = new WeakMap<DrpcSession, string>();
  let topology: Topology | undefined;
  let toldOfNamespace = false;

  function answer(
    info: GetAttachInfoResp,
    request: GetAttachInfoReq,
    asker: Asker,
    found: Fabric,
  ): Uint8Array {
    const { client, numaNode } = asker;
    const chosen = chooseNetwork(info, request, numaNode, found, options);
    const { hint } = chosen;
    log.info(
      `${client}: numa:${numaNode} iface:${hint.interface} dom:${hint.domain} prov:${hint.provider} srx:${hint.srvSrxSet}`,
    );
    return encodeOnce(encoded, info, chosen.answer, hint);
  }

  async function answerLater(request: GetAttachInfoReq, asker: Asker, again: boolean): Promise<Uint8Array> {
    let info: GetAttachInfoResp;
    try {
      info = await source.get(again);
    } catch (error) {
      log.error(`failed to fetch AttachInfo: ${errorText(error)}`);
      const status = statusOfFailure(error);
      if (status === undefined) throw error;
      return statusAnswer(status);
    }
    const found = await fabric.get(providersOf(info), info.clientNetHint!.netDevClass);
    return answer(info, request, asker, found);
  }

  function makeAsker(pid: number, client: string, known: Topology): Asker {
    if (pid === 0 && !toldOfNamespace && known.nodes.length > 1) {
      toldOfNamespace = true;
      log.notice(
        "a client lives in another pid namespace: its CPUs cannot be known, so interfaces are chosen by those of the agent",
      );
    }
    return { client, numaNode: processNumaNode(pid, known) };
  }

  /** The process does not change while the connection lasts. */
  function clientOf(session: DrpcSession): string {
    let client = names.get(session);
    if (client === undefined) {
      client = processText(session.peer.pid);
      names.set(session, client);
    }
    return client;
  }

  return (body, session) => {
    const { peer } = session;
    const request = decode(body);
    const client = clientOf(session);
    // Some callers do not know the system's name yet and leave it out.
    if (request.sys !== "" && request.sys !== systemName) {
      log.error(`${client}: ${request.sys}: unknown system name`);
      return statusAnswer(DER_INVAL);
    }
    const again = asked(peer.pid);
    if (topology === undefined) {
      return options.topology().then((known) => {
        topology = known;
        return answerLater(request, makeAsker(peer.pid, client, known), again);
      });
    }
    const asker = makeAsker(peer.pid, client, topology);
    const info = again ? undefined : source.peek();
    const found = info === undefined ? undefined : fabric.peek(providersOf(info));
    if (info === undefined || found === undefined) return answerLater(request, asker, again);
    return answer(info, request, asker, found);
  };
}

interface Asker {
  /** As the log names it. */
  readonly client: string;
  readonly numaNode: number;
}

/** Requests of libdaos are few and alike; what was decoded once is decoded. */
function rememberingDecoder(): (body: Uint8Array) => GetAttachInfoReq {
  const known = new Map<string, GetAttachInfoReq>();
  return (body) => {
    if (body.length > MAX_REMEMBERED_BYTES) return decodeBody(GetAttachInfoReqSchema, body);
    const key = Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1");
    let request = known.get(key);
    if (request === undefined) {
      request = decodeBody(GetAttachInfoReqSchema, body);
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(key, request);
    }
    return request;
  };
}

const MAX_REMEMBERED_BYTES = 256;
const MAX_REMEMBERED = 64;

/**
 * Tells whether a process asks again: libdaos keeps what it was told, so something may be wrong with it. A number
 * that another process has got meanwhile does no harm: the servers are asked once more than need be.
 */
function createAskers(): (pid: number) => boolean {
  const seen = new Map<number, number>();
  return (pid) => {
    if (pid === 0) return false; // any process of another namespace
    const now = performance.now();
    const before = seen.get(pid);
    seen.delete(pid);
    if (seen.size >= MAX_ASKERS) seen.delete(seen.keys().next().value!);
    seen.set(pid, now);
    return before !== undefined && now - before >= AGAIN_AFTER_MS;
  };
}

const MAX_ASKERS = 8192;
/** libdaos may ask twice while it starts. */
const AGAIN_AFTER_MS = 1_000;

const providers = new WeakMap<GetAttachInfoResp, readonly string[]>();

function providersOf(info: GetAttachInfoResp): readonly string[] {
  let known = providers.get(info);
  if (known === undefined) {
    known = [...new Set([info.clientNetHint!, ...info.secondaryClientNetHints].map((hint) => hint.provider))];
    providers.set(info, known);
  }
  return known;
}

function statusAnswer(status: number): Uint8Array {
  return toBinary(GetAttachInfoRespSchema, create(GetAttachInfoRespSchema, { status }));
}

/** The status that tells libdaos what is wrong; undefined: nothing it knows a status for. */
function statusOfFailure(error: unknown): number | undefined {
  const cause = causeOf(error);
  if (isFault(cause, FaultCode.ServerWrongSystem)) return DER_CONTROL_INCOMPAT;
  if (isFault(cause, FaultCode.SecurityInvalidCert)) return DER_BAD_CERT;
  return isManagementUnreachable(error) ? DER_UNREACH : undefined;
}

interface Choice {
  readonly answer: GetAttachInfoResp;
  readonly hint: ClientNetHint;
}

function chooseNetwork(
  info: GetAttachInfoResp,
  request: GetAttachInfoReq,
  numaNode: number,
  fabric: Fabric,
  options: GetAttachInfoOptions,
): Choice {
  const selected = selectProvider(info, request, fabric, options);
  const { interface: iface, domain } = chooseInterface(request, selected.hint, numaNode, fabric);
  const hint: ClientNetHint = {
    ...selected.hint,
    interface: iface,
    domain: domain === "" ? iface : domain,
    envVars: [...selected.hint.envVars, ...options.clientEnvVars],
  };
  return { answer: { ...selected.answer, clientNetHint: hint }, hint };
}

/** An interface that was asked for is taken as it is: who asks may know better. */
function chooseInterface(request: GetAttachInfoReq, hint: ClientNetHint, numaNode: number, fabric: Fabric) {
  if (request.interface !== "") return { interface: request.interface, domain: request.domain };
  const wish = { numaNode, deviceClass: hint.netDevClass, provider: hint.provider };
  const device = fabric.select(wish);
  return { interface: device.name, domain: device.domain };
}

/** The servers' first provider, unless the configuration or the wished interface says another. */
function selectProvider(
  info: GetAttachInfoResp,
  request: GetAttachInfoReq,
  fabric: Fabric,
  { log, providerIndex }: GetAttachInfoOptions,
): Choice {
  const primary: Choice = { answer: info, hint: info.clientNetHint! };
  const wished =
    request.interface === "" ? [] : fabric.find(request.interface, request.domain || request.interface);
  const wishText = `interface "${request.interface}" (domain "${request.domain}")`;
  const supported = (hint: ClientNetHint) => wished.some((device) => carries(device, hint.provider));
  if (request.interface !== "" && wished.length === 0) {
    log.error(`requested fabric ${wishText} may not function as desired: it was not found`);
  }
  const known = wished.some((device) => device.providers.size > 0);
  if (providerIndex > 0) {
    const secondary = secondaryProvider(info, providerIndex);
    if (known && !supported(secondary.hint)) {
      log.error(
        `requested fabric ${wishText} does not carry the configured provider "${secondary.hint.provider}"`,
      );
    }
    return secondary;
  }
  if (!known || supported(primary.hint)) return primary;
  const other = info.secondaryClientNetHints.find(supported);
  if (other !== undefined) return secondaryProvider(info, other.providerIdx);
  log.error(`no supported provider for requested ${wishText}, using primary by default`);
  return primary;
}

/** The system as seen by its provider number `index`, from 1. */
function secondaryProvider(info: GetAttachInfoResp, index: number): Choice {
  const hint = info.secondaryClientNetHints[index - 1];
  if (hint === undefined) {
    throw new Error(`provider index ${index} out of range (maximum: ${info.secondaryClientNetHints.length})`);
  }
  if (hint.providerIdx !== index) {
    throw new Error(`malformed network hint: expected provider index ${index}, got ${hint.providerIdx}`);
  }
  const rankUris = info.secondaryRankUris.filter((uri) => uri.providerIdx === index);
  if (rankUris.length === 0) throw new Error(`no rank URIs for provider idx ${index}`);
  const { status, msRanks } = info;
  return {
    answer: create(GetAttachInfoRespSchema, { status, rankUris, msRanks, clientNetHint: hint }),
    hint,
  };
}

/** With thousands of ranks encoding costs more than all the rest; the same answer is encoded once. */
function encodeOnce(
  encoded: Encoded,
  info: GetAttachInfoResp,
  answer: GetAttachInfoResp,
  hint: ClientNetHint,
) {
  const key = `${hint.interface}\0${hint.domain}\0${hint.providerIdx}`;
  const answers = encoded.get(info) ?? new Map<string, Uint8Array>();
  encoded.set(info, answers);
  const known = answers.get(key);
  if (known !== undefined) return known;
  // The data version is between agent and servers.
  const bytes = toBinary(GetAttachInfoRespSchema, { ...answer, dataVersion: 0n });
  // A client names interfaces as it likes; only so many of them are remembered.
  if (answers.size < MAX_ENCODED) answers.set(key, bytes);
  return bytes;
}

const MAX_ENCODED = 64;
