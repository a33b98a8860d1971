import { expect, test } from "bun:test";
import { join } from "node:path";
import { createSite } from "../support/site.ts";
import { tempFolder } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";

/** A service manager's socket: prints what it is told. */
const MANAGER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(s.recv(4096).decode(), flush=True)
`;

test.skipIf(Bun.which("python3") === null)(
  "the service manager hears that a server is ready, once it listens, and that it stops",
  async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "notify");
    await using manager = Bun.spawn(["python3", "-c", MANAGER, path], { stdout: "pipe" });
    let heard = "";
    const reading = (async () => {
      for await (const chunk of manager.stdout) heard += new TextDecoder().decode(chunk);
    })();
    await waitFor("the manager", () => heard.includes("listening"));
    const saved = process.env["NOTIFY_SOCKET"];
    process.env["NOTIFY_SOCKET"] = path;
    const site = await createSite();
    try {
      const [server] = site.servers;
      server?.start();
      await waitFor("readiness", () => heard.includes("READY=1"), 20_000);
      expect(server?.log()).toContain("listening on");
      expect(await server?.signal("SIGTERM")).toBe(0);
      await waitFor("the stop", () => heard.includes("STOPPING=1"));
    } finally {
      if (saved === undefined) delete process.env["NOTIFY_SOCKET"];
      else process.env["NOTIFY_SOCKET"] = saved;
      await site.close();
    }
    manager.kill();
    await reading;
  },
  40_000,
);
