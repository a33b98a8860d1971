/** Sends calls to an agent as fast as it is let: `bun flood.ts SOCKET CONNECTIONS`. Says "on" when it is answered. */
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeCall } from "../../src/drpc/frames.ts";
import { DrpcModule, MgmtMethod } from "../../src/drpc/methods.ts";
import { connectSeqpacket, type PacketSocket } from "../../src/drpc/seqpacket.ts";
import { GetAttachInfoReqSchema } from "../../src/gen/mgmt/svc_pb.ts";

const [socketPath = "", connections = "1"] = process.argv.slice(2);
const body = toBinary(GetAttachInfoReqSchema, create(GetAttachInfoReqSchema, { sys: "daos_server" }));
const packet = encodeCall(DrpcModule.MGMT, MgmtMethod.GET_ATTACH_INFO, 1n, body);
/** Calls under way on each connection. */
const DEPTH = 12;
let answers = 0;

for (let n = 0; n < Number(connections); n++) {
  let underWay = 0;
  const send = () => {
    while (!socket.closed && underWay < DEPTH && socket.trySend(packet)) underWay++;
  };
  const socket: PacketSocket = await connectSeqpacket(
    socketPath,
    {
      onPacket() {
        underWay--;
        if (++answers === 1000) process.stdout.write("on\n");
        send();
      },
      onClose() {},
    },
    performance.now() + 5000,
  );
  send();
}
