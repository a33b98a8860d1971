import type { AttachInfo } from "./bench.ts";

/**
 * What the management service told the agent of 2.6.0 when its answers in recorded-2.6.jsonl were taken down;
 * that agent had loopback as its only interface, by configuration.
 */
export const recordedInfo: AttachInfo = {
  sys: "daos_server",
  rankUris: [
    { rank: 0, uri: "ofi+tcp://127.0.0.1:31416", numCtxs: 3 },
    { rank: 1, uri: "ofi+tcp://127.0.0.1:31516", numCtxs: 3 },
  ],
  msRanks: [0],
  dataVersion: 42n,
  clientNetHint: {
    provider: "ofi+tcp",
    netDevClass: 1,
    crtTimeout: 10,
    srvSrxSet: 1,
    envVars: ["D_A=1", "D_B=2"],
  },
  secondaryRankUris: [{ rank: 0, uri: "ofi+verbs://10.1.0.1:31416", providerIdx: 1, numCtxs: 3 }],
  secondaryClientNetHints: [{ provider: "ofi+verbs", netDevClass: 32, providerIdx: 1, srvSrxSet: -1 }],
};
