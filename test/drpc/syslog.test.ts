import { expect, test } from "bun:test";
import { join } from "node:path";
import { createSyslog, syslogLine } from "../../src/drpc/syslog.ts";
import { createDaemonLog } from "../../src/log/daemon.ts";
import { tempFolder } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";

const at = new Date(2026, 0, 3, 4, 5, 6);

test("a line is what local loggers take: facility daemon, time, tag and pid", () => {
  expect(syslogLine("daos_server", 42, "INFO", "hello", at)).toBe(
    "<30>Jan  3 04:05:06 daos_server[42]: hello\n",
  );
  expect(syslogLine("daos_server", 42, "NOTICE", "n", at)).toStartWith("<30>");
  expect(syslogLine("daos_server", 42, "ERROR", "e", at)).toStartWith("<27>");
});

test("a message too long for a datagram is cut, not lost", () => {
  expect(syslogLine("t", 1, "ERROR", "x".repeat(100_000), at).length).toBeLessThan(9_000);
});

/** A logger of the system: prints what comes to its datagram socket. socat and the like need not be there. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(repr(s.recv(65536).decode()), flush=True)
`;
const hasPython = Bun.which("python3") !== null;

test.skipIf(!hasPython)(
  "a log goes to the system's logger without debug messages, and to its file with them",
  async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "log");
    await using receiver = Bun.spawn(["python3", "-c", RECEIVER, path], { stdout: "pipe" });
    let output = "";
    const heard = () => output.trimEnd().split("\n");
    const reading = (async () => {
      for await (const chunk of receiver.stdout) output += new TextDecoder().decode(chunk);
    })();
    await waitFor("the receiver", () => heard().includes("listening"));
    const troubles: string[] = [];
    const file = join(folder.path, "file");
    const syslog = createSyslog("daos_server", (text) => troubles.push(text), [
      join(folder.path, "none"),
      path,
    ]);
    const log = createDaemonLog({ prefix: "h", level: "DEBUG", file, syslog });
    log.debug("quiet");
    log.info("started");
    log.error("broken");
    await waitFor("both messages", () => heard().length >= 3);
    expect(heard()[1]).toStartWith("'<30>");
    expect(heard()[1]).toEndWith(` daos_server[${process.pid}]: started\\n'`);
    expect(heard()[2]).toContain("<27>");
    await log.flush();
    expect((await Bun.file(file).text()).split("\n").map((line) => line.split(" ").at(-1))).toEqual([
      "quiet",
      "started",
      "broken",
      "",
    ]);
    expect(troubles).toEqual([]);
    receiver.kill();
    await reading;
  },
);

test("without a system's logger that is said once, and everything else goes on", async () => {
  await using folder = await tempFolder();
  const troubles: string[] = [];
  const syslog = createSyslog("t", (text) => troubles.push(text), [join(folder.path, "none")]);
  for (const message of ["a", "b", "c"]) syslog("ERROR", message);
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toContain("ENOENT");
});
