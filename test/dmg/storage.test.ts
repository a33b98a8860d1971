/** Storage verbs over several hosts: folding, partial failure, and what may be formatted. */
import { afterEach, describe, expect, test } from "bun:test";
import { UninitializedError } from "../../src/faults/system.ts";
import { deadAddress, type FakeServer, fakeServer } from "../client/fake-servers.ts";
import { type DmgBench, dmgBench } from "./run-dmg.ts";

const servers: FakeServer[] = [];
const benches: DmgBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) bench.remove();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

type Handlers = Parameters<typeof fakeServer>[0];

async function hosts(...handlers: Handlers[]): Promise<{ bench: DmgBench; addresses: string[] }> {
  const started = await Promise.all(handlers.map((one, index) => fakeServer(one, `127.0.0.${index + 1}`)));
  servers.push(...started);
  const addresses = started.map((server) => server.address);
  const bench = dmgBench(addresses);
  benches.push(bench);
  return { bench, addresses };
}

const controller = (serial: string, size = 1_600_321_314_816n) => ({
  pciAddr: "0000:80:00.0",
  model: "SSD",
  serial,
  fwRev: "V1",
  socketId: 1,
  namespaces: [{ id: 1, size }],
  smdDevices: [{ uuid: "d", rank: 3, roleBits: 7 }],
  healthStats: { temperature: 300, powerOnHours: 26n, timestamp: 1_700_000_000n, tempWarn: true },
});
const scan = (serial: string, extra: object = {}): Handlers => ({
  ctl: {
    storageScan: () => ({
      nvme: { state: {}, ctrlrs: [controller(serial)] },
      scm: { state: {}, namespaces: [{ uuid: serial, blockdev: "pmem0", numaNode: 1, size: 1n << 40n }] },
      memInfo: { hugepageSizeKb: 2048, memTotalKb: 7n, memFreeKb: BigInt(serial.length) },
      ...extra,
    }),
  },
});

describe("storage scan", () => {
  test("shows hosts with the same storage in one row, whatever their serial numbers", async () => {
    const { bench, addresses } = await hosts(scan("a"), scan("bb"), scan("ccc"));
    const { stdout, status } = await bench.run("storage", "scan");
    expect(status).toBe(0);
    const row = stdout.split("\n").slice(2).join("\n");
    expect(row).toMatch(/^127\.0\.0\.\[1-3\]\s+1\.1 TB \(1 namespace\)\s+1\.6 TB \(1 controller\)\s*$/);
    const { document } = await bench.json("storage", "scan");
    const { HostStorage } = (document as { response: { HostStorage: Record<string, { hosts: string }> } })
      .response;
    expect(Object.keys(HostStorage)).toHaveLength(1);
    expect(Object.values(HostStorage)[0]!.hosts.split(",").length).toBe(new Set(addresses.map(portOf)).size);
  });

  test("gives the same key for the same storage at any time", async () => {
    const { bench } = await hosts(scan("a"));
    const keyOf = async () => {
      const { document } = await bench.json("storage", "scan");
      return Object.keys((document as { response: { HostStorage: object } }).response.HostStorage)[0];
    };
    const first = await keyOf();
    expect(first).toMatch(/^\d{1,20}$/);
    expect(await keyOf()).toBe(first!);
  });

  test("shows what it has when a host does not answer, and fails", async () => {
    const { addresses } = await hosts(scan("a"));
    const dead = await deadAddress();
    const bench = dmgBench([...addresses, dead]);
    benches.push(bench);
    const { stdout, stderr, status } = await bench.run("storage", "scan");
    expect(status).toBe(1);
    expect(stdout).toContain("1 controller");
    expect(stderr).toContain("Errors:");
    expect(stderr).toContain("refused the connection");
    expect(stderr).toContain("ERROR: dmg: 1 host had errors");
    const { document } = await bench.json("storage", "scan");
    expect(document).toMatchObject({ error: "1 host had errors", status: -1025 });
  });

  test("shows what one kind of storage could not be scanned for", async () => {
    const { bench } = await hosts(
      scan("a", { nvme: { state: { status: -2, error: "no SPDK", info: "see log" } } }),
    );
    const { stdout, stderr } = await bench.run("storage", "scan");
    expect(stderr).toContain("no SPDK (see log)");
    expect(stdout).toContain("0 B (0 controllers)");
  });

  test("lists devices, and their health", async () => {
    const { bench } = await hosts(scan("a"));
    const verbose = (await bench.run("storage", "scan", "-v")).stdout;
    expect(verbose).toContain("HugePage Size: 2048 KB");
    expect(verbose).toMatch(/0000:80:00\.0\s+SSD\s+V1\s+1\s+1\.6 TB\s+data,meta,wal\s+3/);
    expect(verbose).toMatch(/pmem0\s+1\s+1\.1 TB/);
    const health = (await bench.run("storage", "scan", "-n")).stdout;
    expect(health).toContain("Temperature:300K(26.85C)");
    expect(health).toContain("Power On Duration:26h0m0s");
    expect(health).toContain("Temperature: WARNING");
  });

  test("asks the hosts of -l only", async () => {
    const { bench, addresses } = await hosts(scan("a"), scan("b"));
    const { stdout } = await bench.run("storage", "scan", "-l", addresses[1]!);
    expect(stdout).toContain("127.0.0.2");
    expect(stdout).not.toContain("127.0.0.1");
    // The older place of the flag, before the command.
    const { stdout: global } = await bench.run("-l", addresses[1]!, "storage", "scan");
    expect(global).toBe(stdout);
  });
});

describe("storage format", () => {
  const unformatted = () => {
    throw new UninitializedError();
  };
  const formatted = {
    crets: [
      { pciAddr: "0000:80:00.0", roleBits: 7, state: {} },
      { pciAddr: "<nil>", state: { info: "skipped" } },
      { pciAddr: "", state: {} },
    ],
    mrets: [{ mntpoint: "/mnt/daos0", state: {} }],
  };

  test("formats a system that has not been", async () => {
    const requests: boolean[] = [];
    const host: Handlers = {
      mgmt: { systemQuery: unformatted },
      ctl: {
        storageFormat: ({ reformat }) => {
          requests.push(reformat);
          return formatted;
        },
      },
    };
    const { bench } = await hosts(host, host);
    const { stdout, status } = await bench.run("storage", "format");
    expect(status).toBe(0);
    expect(stdout).toContain("Format Summary:\n  Hosts");
    expect(stdout).toMatch(/127\.0\.0\.\[1-2\]\s+1\s+1/);
    await bench.run("storage", "format", "--force");
    expect(requests).toEqual([false, false, true, true]);
    const verbose = (await bench.run("storage", "format", "-v")).stdout;
    expect(verbose).toMatch(/\/mnt\/daos0\s+CTL_SUCCESS/);
    expect(verbose).toMatch(/0000:80:00\.0\s+CTL_SUCCESS\s+data,meta,wal/);
    expect(verbose).not.toContain("<nil>");
  });

  test("formats where nobody runs a management service at all", async () => {
    const { bench } = await hosts({ ctl: { storageFormat: () => formatted } });
    const { status, stderr } = await bench.run("storage", "format");
    // A server of 2.6 says it is no replica; one that does not know the call is an error.
    expect(status).toBe(1);
    expect(stderr).toContain("SystemQuery");
  });

  test("tells failures by host and device", async () => {
    const { bench } = await hosts({
      mgmt: { systemQuery: unformatted },
      ctl: {
        storageFormat: () => ({
          crets: [{ state: { status: -2, error: "bad disk" } }],
          mrets: [{ mntpoint: "/mnt/daos0", state: { status: -3, info: "only info" } }],
        }),
      },
    });
    const { status, stderr } = await bench.run("storage", "format");
    expect(status).toBe(1);
    expect(stderr).toContain("bad disk");
    expect(stderr).toContain("CTL_ERR_SCM: only info");
    expect(stderr).toContain("ERROR: dmg: 1 host had errors");
  });

  test("refuses a running system, named hosts of it included", async () => {
    const { bench, addresses } = await hosts(
      { mgmt: { systemQuery: () => ({}) } },
      { mgmt: { systemQuery: unformatted } },
    );
    for (const argv of [
      ["storage", "format"],
      ["storage", "format", "-l", addresses.join(",")],
    ]) {
      const { status, stderr } = await bench.run(...argv);
      expect(status).toBe(1);
      expect(stderr).toContain("code = 509");
      expect(stderr).toContain('resolution = "stop and erase the system, then retry the format operation"');
    }
  });

  test("with --dry-run says what is there and formats nothing", async () => {
    const { bench } = await hosts(scan("a"));
    const { stdout, status } = await bench.run("storage", "format", "--force", "--dry-run");
    expect(status).toBe(0);
    expect(stdout).toContain("Would format anew, destroying all data, on 127.0.0.1:");
    expect(stdout).toContain("1 controller");
  });
});

function portOf(address: string): string {
  return address.split(":")[1]!;
}
