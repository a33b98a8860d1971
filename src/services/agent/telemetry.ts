import { create, toBinary } from "@bufbuild/protobuf";
import { decodeBody } from "../../drpc/body.ts";
import type { DrpcHandler } from "../../drpc/types.ts";
import { ClientTelemetryReqSchema, ClientTelemetryRespSchema } from "../../gen/mgmt/svc_pb.ts";

/** DAOS status: client telemetry is not collected here. */
const DER_UNINIT = -1015;

/**
 * A client offers its telemetry segment. This agent collects none, and answers as 2.6's does then: libdaos goes
 * on without. Malformed offers are refused alike.
 */
export const setupClientTelemetry: DrpcHandler = (body) => {
  if (body.length === 0) throw new Error("empty request");
  const request = decodeBody(ClientTelemetryReqSchema, body);
  if (request.jobid === "") throw new Error("empty jobid");
  if (request.shmKey === 0) throw new Error("unset shm key");
  const agentUid = process.getuid?.() ?? 0;
  return toBinary(
    ClientTelemetryRespSchema,
    create(ClientTelemetryRespSchema, { status: DER_UNINIT, agentUid }),
  );
};
