import { fetchAttachInfo } from "../../client/attach-info.ts";
import type { ClientContext } from "../../client/context.ts";
import type { GetAttachInfoResp } from "../../gen/mgmt/svc_pb.ts";
import type { Logger } from "../../log/logger.ts";

/** What the management service tells everybody who wants to use the system. */
export interface AttachInfoSource {
  /**
   * The system's ranks and network hints, from the cache if it is fresh. Callers that come while it is fetched
   * wait for that one fetch.
   * @throws what the management service answered, or ManagementUnreachableError
   */
  get(): Promise<GetAttachInfoResp>;
  /** Fetches anew what has been fetched before; nothing when nothing has. */
  refresh(): Promise<void>;
}

export interface AttachInfoOptions {
  readonly client: ClientContext;
  /** "host:port" of the servers of the configuration. */
  readonly hosts: readonly string[];
  readonly log: Logger;
  /** Ask every time. */
  readonly disabled: boolean;
  /** Age at which an answer is fetched again; 0: never. */
  readonly expiryMs: number;
}

export function createAttachInfoCache(options: AttachInfoOptions): AttachInfoSource {
  const { client, hosts, log, disabled, expiryMs } = options;
  let cached: { info: GetAttachInfoResp; at: number } | undefined;
  let fetching: Promise<GetAttachInfoResp> | undefined;

  async function fetch(): Promise<GetAttachInfoResp> {
    const info = await fetchAttachInfo(client, hosts);
    cached = { info, at: performance.now() };
    return info;
  }

  function fetchShared(): Promise<GetAttachInfoResp> {
    fetching ??= fetch().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  const isFresh = (at: number) => expiryMs === 0 || performance.now() - at < expiryMs;

  return {
    async get() {
      if (disabled) {
        log.debug("GetAttachInfo not cached, fetching directly from MS");
        return fetchShared();
      }
      if (cached !== undefined && isFresh(cached.at)) return cached.info;
      log.debug("cache miss for GetAttachInfo");
      return fetchShared();
    },
    async refresh() {
      if (disabled || cached === undefined) return;
      // A fetch under way may have been answered before the change that made somebody ask for this one.
      await fetching?.catch(() => undefined);
      await fetchShared();
    },
  };
}
