import { equals } from "@bufbuild/protobuf";
import { fetchAttachInfo } from "../../client/attach-info.ts";
import type { ClientContext } from "../../client/context.ts";
import { errorText } from "../../faults/fault.ts";
import { type GetAttachInfoResp, GetAttachInfoRespSchema } from "../../gen/mgmt/svc_pb.ts";
import type { Logger } from "../../log/logger.ts";

/** What the management service tells everybody who wants to use the system. */
export interface AttachInfoSource {
  /**
   * What is kept, if it may still be handed out without asking anybody. When it has come of age it is looked after
   * meanwhile, and the next caller is better served.
   */
  peek(): GetAttachInfoResp | undefined;
  /**
   * The system's ranks and network hints, from the cache if it is fresh. Callers that come while it is fetched
   * wait for that one fetch.
   * @param again the same process has asked before: what it was told may have been of no use to it
   * @throws what the management service answered, or ManagementUnreachableError
   */
  get(again?: boolean): Promise<GetAttachInfoResp>;
  /** Fetches anew what has been fetched before; nothing when nothing has. */
  refresh(): Promise<void>;
  status(): AttachInfoStatus;
}

export interface AttachInfoStatus {
  readonly cached: boolean;
  readonly ageMs?: number;
  readonly dataVersion?: bigint;
  readonly ranks: number;
  readonly providers: readonly string[];
  /** "host:port" of the server that answered last. */
  readonly server?: string;
  readonly fetches: number;
  readonly failures: number;
  /** What the last fetch failed with, when none has succeeded since. */
  readonly lastError?: string;
}

export interface AttachInfoOptions {
  readonly client: ClientContext;
  /** "host:port" of the servers of the configuration. */
  readonly hosts: readonly string[];
  readonly log: Logger;
  /** Ask every time. */
  readonly disabled: boolean;
  /** Age at which an answer is fetched again before it is handed out; 0: never. */
  readonly expiryMs: number;
  readonly ages?: Partial<AttachInfoAges>;
}

/** When the agent looks for news by itself, so that nobody has to restart it. 2.6 waits to be told (SIGUSR2). */
export interface AttachInfoAges {
  /** Older answers are fetched again behind the back of the client that is handed one. */
  readonly reviewMs: number;
  /** For a process that asks again older answers are fetched at once. */
  readonly againMs: number;
  /** How long such a process waits for the new answer before it gets the old one. */
  readonly againWaitMs: number;
}

const DEFAULT_AGES: AttachInfoAges = { reviewMs: 5 * 60_000, againMs: 10_000, againWaitMs: 2_000 };

export function createAttachInfoCache(options: AttachInfoOptions): AttachInfoSource {
  const { client, hosts, log, disabled, expiryMs } = options;
  const ages = { ...DEFAULT_AGES, ...options.ages };
  let cached: { info: GetAttachInfoResp; at: number } | undefined;
  let fetching: Promise<GetAttachInfoResp> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let server: string | undefined;
  let lastError: string | undefined;
  let fetches = 0;
  let failures = 0;

  async function fetch(): Promise<GetAttachInfoResp> {
    fetches++;
    triedAt = performance.now();
    try {
      const answer = await fetchAttachInfo(client, hosts);
      server = answer.host;
      lastError = undefined;
      cached = { info: keepIfSame(answer.info), at: performance.now() };
      return cached.info;
    } catch (error) {
      failures++;
      lastError = errorText(error);
      throw error;
    }
  }

  /** What was encoded of the old answer stays good as long as there is no other. */
  function keepIfSame(info: GetAttachInfoResp): GetAttachInfoResp {
    const old = cached?.info;
    if (old === undefined) return info;
    if (equals(GetAttachInfoRespSchema, old, info)) return old;
    log.info(`attach info changed: version ${info.dataVersion}, ${info.rankUris.length} ranks`);
    return info;
  }

  function fetchShared(): Promise<GetAttachInfoResp> {
    fetching ??= fetch().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  const ageOf = (at: number) => performance.now() - at;

  /** Fetches in the background; not more often than answers come of age, however often it fails. */
  function review(): void {
    if (fetching !== undefined || ageOf(triedAt) < ages.reviewMs) return;
    fetchShared().catch((error) => {
      log.notice(`looking for news of the system failed, the old answer stays: ${errorText(error)}`);
    });
  }

  /** A process that asks again has reason to; but the old answer is better than none. */
  async function getAgain(old: GetAttachInfoResp): Promise<GetAttachInfoResp> {
    if (fetching === undefined && ageOf(triedAt) < ages.againMs) return old;
    const { promise, resolve } = Promise.withResolvers<GetAttachInfoResp>();
    const timer = setTimeout(() => resolve(old), ages.againWaitMs);
    fetchShared().then(resolve, (error) => {
      log.notice(`a process asked again, the servers do not answer: ${errorText(error)}`);
      resolve(old);
    });
    return promise.finally(() => clearTimeout(timer));
  }

  function peek(): GetAttachInfoResp | undefined {
    if (disabled || cached === undefined) return undefined;
    const age = ageOf(cached.at);
    if (expiryMs > 0 && age >= expiryMs) return undefined;
    if (age >= ages.reviewMs) review();
    return cached.info;
  }

  return {
    peek,
    async get(again = false) {
      if (disabled) {
        log.debug("GetAttachInfo not cached, fetching directly from MS");
        return fetchShared();
      }
      const known = peek();
      if (known !== undefined) return again ? getAgain(known) : known;
      log.debug("cache miss for GetAttachInfo");
      return fetchShared();
    },
    async refresh() {
      if (disabled || cached === undefined) return;
      // A fetch under way may have been answered before the change that made somebody ask for this one.
      await fetching?.catch(() => undefined);
      await fetchShared();
    },
    status() {
      const info = cached?.info;
      const hints = info === undefined ? [] : [info.clientNetHint!, ...info.secondaryClientNetHints];
      return {
        cached: cached !== undefined && !disabled,
        ...(cached === undefined ? {} : { ageMs: ageOf(cached.at), dataVersion: cached.info.dataVersion }),
        ranks: info?.rankUris.length ?? 0,
        providers: hints.map((hint) => hint.provider),
        ...(server === undefined ? {} : { server }),
        fetches,
        failures,
        ...(lastError === undefined ? {} : { lastError }),
      };
    },
  };
}
