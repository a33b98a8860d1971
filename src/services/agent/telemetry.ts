import { create, toBinary } from "@bufbuild/protobuf";
import { decodeBody } from "../../drpc/body.ts";
import type { DrpcHandler } from "../../drpc/types.ts";
import { ClientTelemetryReqSchema, ClientTelemetryRespSchema } from "../../gen/mgmt/svc_pb.ts";

/** DAOS statuses that libdaos is answered with. */
const DER_UNINIT = -1015;
const DER_NOSPACE = -1007;

/** Shared memory in which a client process keeps its metrics. */
export interface ClientSegment {
  readonly key: number;
  readonly jobid: string;
  readonly pid: number;
  readonly uid: number;
}

export interface ClientTelemetry {
  readonly setup: DrpcHandler;
  segments(): readonly ClientSegment[];
  forget(segment: ClientSegment): void;
}

/** As many as 2.6 has room for; one user may have half of them. */
const MAX_SEGMENTS = 16_384;
const MAX_OF_USER = MAX_SEGMENTS / 2;
/** Names of nodes in the tree of metrics are no longer. */
const MAX_JOBID = 255;

/**
 * Takes note of clients that offer their metrics. Without a telemetry_port nobody would read them: then it answers
 * as 2.6's agent does, and libdaos goes on without.
 */
export function createClientTelemetry(enabled: boolean): ClientTelemetry {
  const segments = new Map<number, ClientSegment>();

  function add(segment: ClientSegment): number {
    const known = segments.get(segment.key);
    if (known === undefined || known.uid !== segment.uid) {
      let ofUser = 0;
      for (const { uid } of segments.values()) if (uid === segment.uid) ofUser++;
      if (known !== undefined || segments.size >= MAX_SEGMENTS || ofUser >= MAX_OF_USER) return DER_NOSPACE;
    }
    segments.set(segment.key, segment);
    return 0;
  }

  return {
    setup(body, { peer }) {
      if (body.length === 0) throw new Error("empty request");
      const { jobid, shmKey } = decodeBody(ClientTelemetryReqSchema, body);
      if (jobid === "") throw new Error("empty jobid");
      if (jobid.length > MAX_JOBID) throw new Error("jobid too long");
      if (shmKey === 0) throw new Error("unset shm key");
      const agentUid = process.getuid?.() ?? 0;
      const status = enabled ? add({ key: shmKey, jobid, pid: peer.pid, uid: peer.uid }) : DER_UNINIT;
      return toBinary(ClientTelemetryRespSchema, create(ClientTelemetryRespSchema, { status, agentUid }));
    },
    segments: () => [...segments.values()],
    forget(segment) {
      if (segments.get(segment.key) === segment) segments.delete(segment.key);
    },
  };
}
