import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaultCode } from "../../src/faults/codes.ts";
import { isFault } from "../../src/faults/fault.ts";
import { writeFileDurable } from "../../src/files/durable.ts";
import { followCertificates } from "../../src/security/live.ts";
import { loadCertificates } from "../../src/security/load.ts";
import { recordingLog } from "../services/harness.ts";
import { failureOf, waitFor } from "../support/wait.ts";
import { ended, testAuthority } from "./authority.ts";

let dir: string;
const ca = await testAuthority();
const other = await testAuthority();
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "daosctl-live-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Certificate files of an agent in a folder of their own, and the means to replace them. */
async function site(name: string) {
  const base = join(dir, name);
  await Bun.$`mkdir -p ${base}`.quiet();
  const files = {
    allowInsecure: false,
    caCert: join(base, "ca.crt"),
    cert: join(base, "a.crt"),
    key: join(base, "a.key"),
  };
  const put = async (transport: { ca: string; cert: string; key: string }) => {
    await writeFileDurable(files.caCert, transport.ca, 0o644);
    await writeFileDurable(files.key, transport.key, 0o400);
    await writeFileDurable(files.cert, transport.cert, 0o644);
  };
  const first = await ca.transport("agent");
  await put(first);
  const log = recordingLog();
  const follow = async (everyMs: number) =>
    followCertificates(await loadCertificates(files, "agent"), { files, role: "agent", log, everyMs });
  return { files, put, first, log, follow };
}

describe("certificates that follow their files", () => {
  test("are those of the new files within one look, and everybody is told", async () => {
    const { put, follow, log } = await site("replaced");
    const live = await follow(20);
    let told = 0;
    live.transport.onChange?.(() => told++);
    const next = await ca.transport("agent");
    await put(next);
    await waitFor("the new certificate", () => live.transport.cert === next.cert);
    await waitFor("the news", () => told > 0);
    await waitFor("a line in the log", () => log.lines.some((line) => line.includes("were replaced")));
    live.stop();
  });

  test("stay as they were while new files do not fit together, and it is told once", async () => {
    const { files, put, first, follow, log } = await site("unfit");
    const live = await follow(20);
    await writeFileDurable(files.caCert, other.caPem, 0o644);
    await waitFor("the error", () => log.lines.some((line) => line.startsWith("ERROR")));
    expect(live.transport.ca).toBe(first.ca);
    const errors = () => log.lines.filter((line) => line.startsWith("ERROR")).length;
    expect(errors()).toBe(1);
    const good = await ca.transport("agent");
    await put(good);
    await waitFor("the good ones", () => live.transport.cert === good.cert);
    expect(errors()).toBe(1);
    live.stop();
  });

  test("refresh() says what is wrong, and that nothing is new", async () => {
    const { files, put, first, follow } = await site("asked");
    const live = await follow(1_000_000);
    expect(await live.refresh()).toBe(false);
    await put(await ca.transport("agent", ended));
    const error = await failureOf(live.refresh());
    expect(isFault(error, FaultCode.SecurityInvalidCert)).toBe(true);
    expect(live.transport.cert).toBe(first.cert);
    await rm(files.key);
    expect(isFault(await failureOf(live.refresh()), FaultCode.SecurityMissingCertFile)).toBe(true);
    await put(await ca.transport("agent"));
    expect(await live.refresh()).toBe(true);
    live.stop();
  });

  test("a key that became readable by others is not taken", async () => {
    const { files, put, follow, first } = await site("open");
    const live = await follow(1_000_000);
    const next = await ca.transport("agent");
    await put(next);
    await rm(files.key);
    await writeFile(files.key, next.key, { mode: 0o644 });
    expect(isFault(await failureOf(live.refresh()), FaultCode.SecurityUnreadableCertFile)).toBe(true);
    expect(live.transport.cert).toBe(first.cert);
    live.stop();
  });
});
