/**
 * Preloaded by cluster.test.ts into servers that run from the sources: takes the fence away, so that a leader that
 * has been succeeded goes on writing. The checker must find out.
 */
// Before anything else: with a plugin, modules load in another order than without.
import "reflect-metadata";

Bun.plugin({
  name: "no fence",
  setup(build) {
    build.onLoad({ filter: /src\/store\/etcd\/fence\.ts$/ }, () => ({
      loader: "ts",
      contents: `
        import { Compare_CompareResult, Compare_CompareTarget } from "../../gen/etcd/rpc_pb.ts";
        const bytes = (text: string) => new TextEncoder().encode(text);
        export const leaderFence = () => [];
        export function unchangedSince(key: string, modRevision: bigint) {
          const any = { key: bytes(key), result: Compare_CompareResult.GREATER, target: Compare_CompareTarget.MOD,
            targetUnion: { case: "modRevision", value: -1n } };
          const same = { ...any, result: Compare_CompareResult.EQUAL, targetUnion: { case: "modRevision", value: modRevision } };
          // Elections stay as they are; it is the writes that are no longer fenced.
          return key.endsWith("/commit") ? any : same;
        }
      `,
    }));
  },
});
