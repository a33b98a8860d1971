/** A client that opens a pool and then does nothing: `bun connect-and-hang.ts <runtime dir> <pool> <handle>`. */
import { setParentDeathSignal } from "../../src/ffi/process.ts";
import { agentClient } from "../support/agent-client.ts";

setParentDeathSignal(9);
const [runtimeDir = "", pool = "", handle = ""] = process.argv.slice(2);
await agentClient(runtimeDir).poolConnected(pool, handle);
console.log("connected");
setInterval(() => {}, 1000);
