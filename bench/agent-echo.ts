/** A process that gives packets back without looking at them: `bun bench/agent-echo.ts <socket>`. */
import { listenSeqpacket } from "../src/drpc/seqpacket.ts";

const [socketPath] = process.argv.slice(2);
if (socketPath === undefined) throw new Error("usage: agent-echo.ts SOCKET");
// As long-lived as the agent it is measured against.
Bun.unsafe.setJITPolicy(1);
await listenSeqpacket(socketPath, 0o600, (socket) => ({
  onPacket: (packet) => void socket.trySend(packet),
  onClose() {},
}));
process.stdout.write("listening\n");
