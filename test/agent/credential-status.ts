/** Asks for credentials as another user: `bun credential-status.ts <socket> <uid>`. Prints the status. */
import { fromBinary } from "@bufbuild/protobuf";
import { callDrpc } from "../../src/drpc/client.ts";
import { GetCredRespSchema } from "../../src/gen/security/auth_pb.ts";

const [socketPath = "", uid = ""] = process.argv.slice(2);
process.setuid!(Number(uid));
console.log(fromBinary(GetCredRespSchema, await callDrpc(socketPath, 1, 101, new Uint8Array(0))).status);
