/** What each verb asks of whom, and what it says. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { daosStatusError } from "../../src/faults/daos-status.ts";
import { Fault } from "../../src/faults/fault.ts";
import { PoolNotFoundError } from "../../src/faults/system.ts";
import { type FakeServer, fakeServer } from "../client/fake-servers.ts";
import { type DmgBench, dmgBench } from "./run-dmg.ts";

type Asked = { method: string; request: Record<string, unknown> };
const asked: Asked[] = [];
let failure: (() => Error) | undefined;

/** A handler that keeps the request and answers `answer`, or fails as the test wants. */
function answering(method: string, answer: object) {
  return (request: object) => {
    asked.push({ method, request: request as Record<string, unknown> });
    if (failure !== undefined) throw failure();
    return answer;
  };
}

const results = [0, 1, 2].map((rank) => ({
  rank,
  action: "stop",
  state: rank === 2 ? "errored" : "stopped",
  errored: rank === 2,
  msg: rank === 2 ? "timeout" : "",
  addr: `10.0.0.${rank}:10001`,
}));
const poolAnswer = {
  uuid: "12345678-1234-1234-1234-123456789abc",
  totalTargets: 16,
  activeTargets: 15,
  disabledTargets: 1,
  version: 7,
  svcLdr: 1,
  svcReps: [0, 1, 2],
  rebuild: { state: 2, objects: 5n, records: 6n },
  tierStats: [
    { total: 4_000_000_000_000n, free: 1_000_000_000_000n, min: 1000n, max: 2000n, mean: 1500n },
    { total: 40_000_000_000_000n, free: 30_000_000_000_000n, mediaType: 1 },
  ],
  enabledRanks: "[0-1,3]",
  disabledRanks: "",
  poolLayoutVer: 2,
  upgradeLayoutVer: 3,
  queryMask: 3n,
};
const acl = { entries: ["A::OWNER@:rw"], ownerUser: "root@", ownerGroup: "wheel@" };
const mgmtAnswers = {
  systemQuery: { members: [0, 1].map((rank) => ({ rank, state: "stopped", uuid: `u${rank}`, addr: "h:1" })) },
  systemStop: { results, absentranks: "9" },
  systemStart: { results: results.slice(0, 2) },
  systemExclude: { results: results.slice(0, 2) },
  systemErase: { results: results.slice(0, 2) },
  systemCleanup: { results: [{ poolId: "p1", count: 3 }] },
  systemSetAttr: {},
  systemGetAttr: { attributes: { b: "2", a: "1" } },
  systemSetProp: {},
  systemGetProp: { properties: { pool_scrub_mode: "lazy", later: "x" } },
  listPools: {
    pools: [
      { uuid: poolAnswer.uuid, label: "zed", svcReps: [0, 1], state: "Ready" },
      { uuid: "32345678-1234-1234-1234-123456789abc", label: "alpha", state: "Creating" },
    ],
  },
  poolQuery: poolAnswer,
  poolCreate: { svcReps: [0], tgtRanks: [0, 1], tierBytes: [6_000_000_000n, 94_000_000_000n] },
  poolDestroy: {},
  poolEvict: {},
  poolExclude: {},
  poolDrain: {},
  poolReintegrate: {},
  poolExtend: {},
  poolUpgrade: {},
  poolSetProp: {},
  poolGetProp: { properties: [{ number: 11, value: { case: "numval", value: 2n } }] },
  poolQueryTarget: { infos: [{ type: 2, state: 4, space: [{ total: 5n }, { total: 6n }] }] },
  poolGetACL: { acl },
  poolOverwriteACL: { acl },
  poolUpdateACL: { acl },
  poolDeleteACL: { acl },
  contSetOwner: {},
  systemCheckEnable: {},
  systemCheckDisable: {},
  systemCheckStart: {},
  systemCheckStop: {},
  systemCheckSetPolicy: {},
  systemCheckRepair: {},
  systemCheckGetPolicy: { flags: 9, policies: [{ inconsistCas: 7, inconsistAct: 5 }] },
  systemCheckQuery: {
    insStatus: 1,
    insPhase: 3,
    time: { startTime: 1_700_000_000n },
    reports: [
      {
        seq: 16n,
        class: 7,
        action: 1,
        poolLabel: "tank",
        actChoices: [3, 5],
        actDetails: ["x", ""],
        actMsgs: ["drop it", "trust"],
      },
    ],
  },
};
const ctlAnswers = {
  smdManage: {
    ranks: [
      { rank: 1, results: [{ device: { uuid: "d1", ctrlr: { pciAddr: "0000:80:00.0", ledState: 1 } } }] },
    ],
  },
  smdQuery: {
    ranks: [
      {
        rank: 1,
        devices: [
          { uuid: "d1", tgtIds: [0, 1024], roleBits: 7, ctrlr: { pciAddr: "0000:80:00.0", devState: 1 } },
        ],
        pools: [{ uuid: "p1", tgtIds: [0], blobs: [7n] }],
      },
    ],
  },
  setEngineLogMasks: { errors: ["", "boom"] },
  storageNvmeRebind: { state: {} },
  storageNvmeAddDevice: { state: { status: -2, error: "no such device" } },
  networkScan: { interfaces: [{ provider: "ofi+tcp", device: "eth0", numanode: 1 }], numacount: 2 },
  collectLog: {},
};

let server: FakeServer;
let bench: DmgBench;
beforeAll(async () => {
  const handlers = (answers: object) =>
    Object.fromEntries(
      Object.entries(answers).map(([method, answer]) => [method, answering(method, answer as object)]),
    );
  server = await fakeServer({ mgmt: handlers(mgmtAnswers), ctl: handlers(ctlAnswers) });
  bench = dmgBench([server.address]);
});
afterAll(async () => {
  bench.remove();
  await server.close();
});
beforeEach(() => {
  asked.length = 0;
  failure = undefined;
});

const id = poolAnswer.uuid;

describe("a verb asks", () => {
  test.each<[string, string, object, string | RegExp]>([
    ["system query --with-states Joined,excluded", "systemQuery", { stateMask: 0x48 }, "Stopped"],
    ["system query --not-ok", "systemQuery", { stateMask: 0xfff7 }, "[0-1]"],
    ["system query -r 0-1 -v", "systemQuery", { ranks: "0-1", hosts: "" }, "Fault Domain"],
    ["system query --rank-hosts node[1-3],a", "systemQuery", { hosts: "a,node[1-3]" }, "Stopped"],
    ["system start --ranks=0", "systemStart", { ranks: "0" }, "OK"],
    ["system exclude -r 1,0", "systemExclude", { ranks: "0-1", clear: false }, "updated ranks: 0-1"],
    ["system clear-exclude --rank-hosts h1", "systemExclude", { hosts: "h1", clear: true }, "updated ranks"],
    ["system erase", "systemErase", { sys: "daos_server-2.6.0" }, ""],
    ["system cleanup -v m1", "systemCleanup", { machine: "m1" }, "Handles Revoked"],
    ["system cleanup m1", "systemCleanup", { machine: "m1" }, "System Cleanup Success"],
    ["system set-attr b:2,a:1", "systemSetAttr", { attributes: { a: "1", b: "2" } }, "set-attr succeeded"],
    ["system del-attr a,b", "systemSetAttr", { attributes: { a: "", b: "" } }, "del-attr succeeded"],
    ["system get-attr b,a", "systemGetAttr", { keys: ["a", "b"] }, "a    1"],
    [
      "system set-prop pool_scrub_mode:LAZY",
      "systemSetProp",
      { properties: { pool_scrub_mode: "lazy" } },
      "succeeded",
    ],
    [
      "system get-prop pool_scrub_mode",
      "systemGetProp",
      { keys: ["pool_scrub_mode"] },
      "Checksum scrubbing mode",
    ],
    ["system list-pools -n", "listPools", {}, /alpha.*zed|zed.*alpha/s],
    ["pool list -v", "poolQuery", { id, queryMask: 0n }, "2->3"],
    [
      "pool query tank",
      "poolQuery",
      { id: "tank", queryMask: 0xfffffffffffffff3n },
      "- Enabled ranks: 0-1,3",
    ],
    ["pool query -t tank", "poolQuery", { queryMask: 0xfffffffffffffffan }, "state=Degraded"],
    ["pool query -e tank", "poolQuery", { queryMask: 0xfffffffffffffff7n }, "Rebuild busy, 5 objs, 6 recs"],
    [`pool query ${id.toUpperCase()}`, "poolQuery", { id }, "Pool layout out of date (2 < 3)"],
    [
      "pool query-targets tank --rank=1 --target-idx=0,3",
      "poolQueryTarget",
      { rank: 1, targets: [0, 3] },
      "Target: type ssd, state up_in",
    ],
    [
      "pool create -z 100GB tank",
      "poolCreate",
      { totalbytes: 100_000_000_000n, tierratio: [0.06, 0.94], tierbytes: [], ranks: [] },
      "Pool created with 6.00%,94.00% storage tier ratio",
    ],
    [
      "pool create -z 1T -t 10 -k 2 -v 3 tank",
      "poolCreate",
      { numranks: 2, numsvcreps: 3, tierratio: [0.1, 0.9] },
      "with 2 ranks",
    ],
    [
      "pool create -s 10G -n 100G --meta-size 20G -r 0-1 tank",
      "poolCreate",
      {
        tierbytes: [10_000_000_000n, 100_000_000_000n],
        metaBlobSize: 20_000_000_000n,
        ranks: [0, 1],
        totalbytes: 0n,
      },
      "10.00% ratio) with 20 GB meta-blob-size",
    ],
    [
      "pool create -z 1T -u bob -g staff@x tank",
      "poolCreate",
      { user: "bob@", usergroup: "staff@x" },
      "Service Ranks",
    ],
    [
      "pool destroy -r -f tank",
      "poolDestroy",
      { id: "tank", recursive: true, force: true },
      "Pool-destroy command succeeded",
    ],
    ["pool evict tank", "poolEvict", { id: "tank" }, "Pool-evict command succeeded"],
    ["pool exclude tank --rank 1", "poolExclude", { rank: 1, targetidx: [] }, "Exclude command succeeded"],
    [
      "pool drain tank --rank 1 --target-idx 2,3",
      "poolDrain",
      { rank: 1, targetidx: [2, 3] },
      "Drain command succeeded",
    ],
    ["pool reint tank --rank 0", "poolReintegrate", { rank: 0 }, "Reintegration command succeeded"],
    ["pool extend tank --ranks 4-5,7", "poolExtend", { ranks: [4, 5, 7] }, "Extend command succeeded"],
    ["pool upgrade tank", "poolUpgrade", { id: "tank" }, "Pool-upgrade command succeeded"],
    ["pool set-prop tank reclaim:time", "poolSetProp", { id: "tank" }, "pool set-prop succeeded"],
    ["pool get-prop tank rf", "poolGetProp", { id: "tank" }, "Pool redundancy factor (rd_fac) 2"],
    ["pool get-acl -v tank", "poolGetACL", { id: "tank" }, "# Allow::Owner:Read/Write"],
    [
      "pool update-acl -e A::x@:r tank",
      "poolUpdateACL",
      { entries: ["A::x@:r"] },
      "Pool-update-ACL command succeeded, ID: tank",
    ],
    [
      "pool delete-acl -p u:bob@ tank",
      "poolDeleteACL",
      { principal: "u:bob@" },
      "Pool-delete-ACL command succeeded",
    ],
    [
      `cont set-owner -u bob -p ${id} -c ${id}`,
      "contSetOwner",
      { owneruser: "bob@", ownergroup: "" },
      "Container-set-owner command SUCCEEDED",
    ],
    ["check enable", "systemCheckEnable", {}, "system checker enabled"],
    ["check disable", "systemCheckDisable", {}, "system checker disabled"],
    [
      "check start -n -f on -a off -p POOL_BAD_LABEL:TRUST_MS tank",
      "systemCheckStart",
      { flags: 1 | 4 | 64, uuids: ["tank"] },
      "system checker started",
    ],
    ["check start -O -r", "systemCheckStart", { flags: 16 | 2, uuids: [] }, "started"],
    ["check stop tank other", "systemCheckStop", { uuids: ["tank", "other"] }, "system checker stopped"],
    ["check query", "systemCheckQuery", {}, "1: trust"],
    ["check query -v", "systemCheckQuery", {}, "0: drop it"],
    [
      "check get-policy -L POOL_BAD_LABEL",
      "systemCheckGetPolicy",
      { lastUsed: true, classes: [7] },
      "Checker flags: dry-run,auto",
    ],
    ["check set-policy POOL_BAD_LABEL:TRUST_MS", "systemCheckSetPolicy", {}, "policies updated"],
    [
      "check repair -f 0x10 1",
      "systemCheckRepair",
      { seq: 16n, act: 5, forAll: true },
      "Repair request sent",
    ],
    [
      "storage query list-devices -b -r 1",
      "smdQuery",
      { omitPools: true, includeBioHealth: true, rank: 1 },
      "Roles:data,meta,wal SysXS Targets:[0] Rank:1 State:NORMAL LED:NA",
    ],
    [
      "storage query list-pools -v",
      "smdQuery",
      { omitDevices: true, rank: 0xffffffff },
      "Rank:1 Targets:[0] Blobs:[7]",
    ],
    [
      "storage led check 0000:80:00.0",
      "smdManage",
      { op: { case: "led", value: { ids: "0000:80:00.0", ledAction: 0 } } },
      "TrAddr:0000:80:00.0 [UUID:d1] LED:QUICK_BLINK",
    ],
    [
      "storage led identify --timeout 3",
      "smdManage",
      { op: { case: "led", value: { ledAction: 1, ledState: 1, ledDurationMins: 3 } } },
      "QUICK_BLINK",
    ],
    ["storage led identify --reset", "smdManage", { op: { case: "led", value: { ledAction: 2 } } }, "LED"],
    [
      `storage set nvme-faulty -f -u ${id}`,
      "smdManage",
      { op: { case: "faulty", value: { uuid: id } } },
      "set-faulty operation performed successfully on the following host",
    ],
    [
      `storage replace nvme --old-uuid ${id} --new-uuid ${id}`,
      "smdManage",
      { op: { case: "replace" } },
      "dev-replace operation performed",
    ],
    ["network scan -p all", "networkScan", { provider: "all" }, "NUMA Socket 1"],
  ])("%s", async (line, method, request, said) => {
    const { status, stdout, stderr } = await bench.run(...line.split(" "));
    expect([status, stderr.replace(/^(NOTICE|ERROR: Unknown).*$/gm, "").trim()]).toEqual([0, ""]);
    const call = asked.findLast((one) => one.method === method);
    expect(call?.request).toMatchObject(request);
    if (typeof said === "string") expect(stdout).toContain(said);
    else expect(stdout).toMatch(said);
  });
});

describe("a verb refuses", () => {
  test.each([
    ["system query --not-ok --with-states joined", "cannot be set together"],
    ["system query --with-states borked", 'invalid state name "borked"'],
    ["system query -r 0 --rank-hosts a", "--ranks and --rank-hosts options cannot be set together"],
    ["system query -r 0-x", "rank"],
    ["system exclude", "no ranks or hosts specified"],
    ["system cleanup", "SystemCleanup requires a machine name."],
    ["system set-attr a", 'invalid property "a" (must be key:val)'],
    ["system set-prop daos_version:3", "computed property values may not be set"],
    ["system set-prop pool_scrub_mod:lazy", 'did you mean "pool_scrub_mode"?'],
    ["system stop -l a", "unknown flag"],
    ["pool create tank", "either --size or --scm-size must be set"],
    ["pool create -z 1T -s 1G tank", "--size may not be mixed with --scm-size or --nvme-size"],
    ["pool create -z 1T --meta-size 1G tank", "--meta-size can only be set if --scm-size is set"],
    ["pool create -s 2G --meta-size 1G tank", "can not be smaller than --scm-size"],
    ["pool create -z 1T -k 1 -r 0 tank", "--nranks may not be mixed with --ranks"],
    ["pool create -z 10% -k 1 tank", "--size may not be mixed with --nranks"],
    ["pool create -z 10% -t 5 tank", "--size=% may not be mixed with --tier-ratio"],
    ["pool create -s 1G -k 1 tank", "--nranks may not be mixed with --scm-size"],
    ["pool create -z 0% tank", "invalid full size ratio 0%"],
    ["pool create -z 101% tank", "invalid full size ratio 101%"],
    ["pool create -z nonsense tank", 'invalid size "nonsense"'],
    ["pool create -z 1T -P label:x tank", "can't set label property with label argument"],
    ["pool create -z 1T -P rd_fac:9 tank", "invalid redun fac value 9"],
    ["pool create -z 1T -a /nowhere tank", "opening ACL file"],
    ["pool create -z 1T ta!nk", 'invalid label "ta!nk"'],
    ["pool query ta!nk", 'invalid label "ta!nk"'],
    ["pool query -e -b tank", "--show-enabled-ranks may not be mixed with --show-disabled-ranks"],
    ["pool query", "missing"],
    ["pool query tank more", "unexpected commandline arguments: more"],
    ["pool exclude tank", 'the required flag "--rank" was not specified'],
    ["pool exclude tank --rank -1", "rank"],
    [
      "pool exclude tank --rank 1 --target-idx a",
      'unable to parse "a": must be a comma-separated list of numbers',
    ],
    ["pool set-prop tank rd_fac:1", "can't set redundancy factor on existing pool."],
    ["pool update-acl tank", "either ACL file or entry parameter is required"],
    ["cont set-owner -p x -c y", "at least one of"],
    ["cont set-owner -u b -p x -c y", 'invalid UUID "x"'],
    ["check set-policy", "no policies specified"],
    ["check set-policy -a POOL_BAD_LABEL:TRUST_MS", "cannot specify policy list"],
    ["check start -p NONSENSE:TRUST_MS", '"NONSENSE" is not a settable property'],
    ["check repair x 0", 'invalid sequence number "x"'],
    ["check repair 16 9", "invalid action 9 for seq 0x10"],
    ["storage scan -v -n", "cannot use --verbose with --nvme-health"],
    ["storage nvme-rebind -a 0000:80:00.0", "command expects a single host in hostlist"],
    ["storage query list-devices -u bad", 'invalid UUID "bad"'],
    ["storage set nvme-faulty -f -u bad", "bad device UUID to set-faulty"],
    ["storage led identify --reset --timeout 1", "timeout option can not be set at the same time as reset"],
    ["server set-logmasks -m FOO", 'unknown log level "FOO"'],
    ["telemetry metrics list -l a,b", "must specify a single host"],
    ["telemetry config -i /nowhere", "does not have write permission"],
    ["telemetry config -i / -s other", 'unsupported telemetry system: "other"'],
    ["support collect-log -e x", "Invalid log-type"],
    ["support collect-log -D 1-2-2026 -F 1-1-2026", "start-date can not be after end-date"],
    ["support collect-log -D 13-1-2026 -F 1-1-2027", "startDate in MM-DD-YYYY"],
    ["support collect-log -S 25:00:00", "Invalid log-start-time"],
    ["storage format --timeout 0s", 'invalid duration "0s"'],
  ])("%s", async (line, problem) => {
    const { status, stderr } = await bench.run(...line.split(" "));
    expect(status).toBe(1);
    expect(stderr).toContain(problem);
    const { document } = await bench.json(...line.split(" "));
    expect(document).toMatchObject({ response: null, status: -1025 });
    expect((document as { error: string }).error).toContain(problem);
  });
});

describe("results that are bad in part", () => {
  test("of a stop are shown and fail the command", async () => {
    const { status, stdout, stderr } = await bench.run("system", "stop");
    expect(status).toBe(1);
    expect(stdout).toBe(
      [
        "Rank  Operation Result       ",
        "----  --------- ------       ",
        "[0-1] stop      OK           ",
        "2     stop      timeout      ",
        "9     ----      Unknown Rank ",
      ].join("\n"),
    );
    expect(stderr).toBe(
      "ERROR: dmg: system stop failed: non-existent ranks 9, check results for failed rank 2",
    );
  });

  test("of log masks name the engine", async () => {
    const { status, stderr } = await bench.run("server", "set-logmasks", "-m", "ERR");
    expect(status).toBe(1);
    expect(stderr).toContain("engine-0: updated, engine-1: boom");
    expect(stderr).toContain("set engine log level failed: 1 host had errors");
  });

  test("of an added device say why", async () => {
    const host = server.address;
    const { status, stderr } = await bench.run(
      ...`storage nvme-add-device -l ${host} -a 0000:80:00.0 -e 0`.split(" "),
    );
    expect(status).toBe(1);
    expect(stderr).toContain("no such device");
  });
});

describe("an error of the leader", () => {
  test("reaches the terminal with its resolution", async () => {
    failure = () => new Fault("server", 604, "pool too small", "make it larger");
    const { status, stderr } = await bench.run("pool", "create", "-z", "1G", "tank");
    expect(status).toBe(1);
    expect(stderr).toContain(
      'ERROR: dmg: pool create failed: server: code = 604 description = "pool too small"',
    );
    expect(stderr).toContain('ERROR: dmg: server: code = 604 resolution = "make it larger"');
  });

  test("that is a DAOS status sets the document's status", async () => {
    failure = () => daosStatusError(-1007);
    const { document, status } = await bench.json("pool", "query", "tank");
    expect(status).toBe(1);
    expect(document).toEqual({
      response: null,
      error: "DER_NOSPACE(-1007): No space on storage target",
      status: -1007,
    });
  });

  test("names a pool that does not exist", async () => {
    failure = () => new PoolNotFoundError('label "tank"');
    const { stdout, stderr } = await bench.run("pool", "destroy", "-f", "tank");
    expect(stdout).toContain(
      'Pool-destroy command failed: pool destroy failed: unable to find pool service with label "tank"',
    );
    expect(stderr).toContain("ERROR: dmg: pool destroy failed: unable to find pool service");
  });
});

describe("files", () => {
  test("take an access control list, and are not overwritten by mistake", async () => {
    const file = path.join(bench.folder, "acl.txt");
    expect((await bench.run("pool", "get-acl", "-o", file, "tank")).stdout).toContain(
      `Wrote ACL to output file: ${file}`,
    );
    expect(readFileSync(file, "utf8")).toContain("A::OWNER@:rw");
    const again = await bench.run("pool", "get-acl", "-o", file, "tank");
    expect(again.stderr).toContain(`file already exists: ${file}`);
    expect((await bench.run("pool", "get-acl", "-f", "-o", file, "tank")).status).toBe(0);
    await bench.run("pool", "overwrite-acl", "-a", file, "tank");
    expect(asked.findLast(({ method }) => method === "poolOverwriteACL")!.request).toMatchObject({
      entries: ["A::OWNER@:rw"],
    });
  });

  test("without an entry are refused", async () => {
    const file = path.join(bench.folder, "empty.txt");
    writeFileSync(file, "# nothing\n\n");
    const { stderr } = await bench.run("pool", "create", "-z", "1G", "-a", file, "tank");
    expect(stderr).toContain(`ACL file '${file}' contains no entries`);
  });
});

describe("a dry run", () => {
  test.each([
    ["pool destroy --dry-run zed", "Would destroy:", "poolDestroy"],
    ["system stop --dry-run", "Would stop:", "systemStop"],
    ["system erase --dry-run", "Would erase the metadata of system daos_server", "systemErase"],
    ["firmware update -t nvme -p /fw --dry-run", "Would update nvme firmware", "firmwareUpdate"],
  ])("of %s touches nothing", async (line, said, method) => {
    const { status, stdout } = await bench.run(...line.split(" "));
    expect(status).toBe(0);
    expect(stdout).toContain(said);
    expect(asked.some((call) => call.method === method)).toBe(false);
  });
});

test("collect-log has every server collect everything, and keeps what dmg says", async () => {
  const folder = path.join(bench.folder, "logs");
  const { status, stdout } = await bench.run("support", "collect-log", "-t", folder);
  expect([status, stdout]).toEqual([
    0,
    `Support logs will be copied to ${folder}\nSummary : All Commands Successfully Executed`,
  ]);
  const functions = asked
    .filter(({ method }) => method === "collectLog")
    .map(({ request }) => request["LogFunction"]);
  expect(functions).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 11]);
  expect(existsSync(path.join(folder, "DmgSystemLogs", "dmg_system_query"))).toBe(true);
  expect(existsSync(path.join(folder, "127.0.0.1", "DmgNodeLogs"))).toBe(true);
}, 60_000);
