import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { Fault } from "../../src/faults/fault.ts";
import { askHelper } from "../../src/helper/ask.ts";
import { selfCommand } from "../../src/helper/self.ts";
import { answerTo } from "../../src/helper/serve.ts";

/** A helper that does what a line of shell says, in place of the real one. */
const shell = (script: string) => ({
  command: ["/bin/sh", "-c", `cat >/dev/null; ${script}`],
  timeoutMs: 5000,
});

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const ask = (script: string) => askHelper({ op: "fabric-scan" }, z.object({ n: z.number() }), shell(script));

describe("what comes back from a helper", () => {
  test("a value of the expected shape", async () => {
    expect(await ask(`echo '{"ok":true,"value":{"n":3}}'`)).toEqual({ n: 3 });
  });
  test("a value of another shape is fault 5", async () => {
    const fault = await faultOf(ask(`echo '{"ok":true,"value":{"n":"three"}}'`));
    expect(fault.code).toBe(5);
    expect(fault.description).toContain("nonsense");
  });
  test("garbage is fault 5", async () => {
    expect((await faultOf(ask("echo EAL: usage:"))).description).toContain("nonsense");
  });
  test("a fault crosses as it was", async () => {
    const answer = {
      ok: false,
      message: "m",
      code: "",
      fault: { domain: "dependency", code: 1, description: "d", resolution: "r", reason: "x" },
    };
    const fault = await faultOf(ask(`echo '${JSON.stringify(answer)}'`));
    expect([fault.domain, fault.code, fault.description, fault.resolution, fault.reason]).toEqual([
      "dependency",
      1,
      "d",
      "r",
      "x",
    ]);
  });
  test("a crash is fault 5 naming the signal", async () => {
    const fault = await faultOf(ask("kill -SEGV $$"));
    expect(fault.code).toBe(5);
    expect(fault.description).toContain("SIGSEGV");
  });
  test("a hang ends at the time limit, children and all", async () => {
    const fault = await faultOf(
      askHelper({ op: "fabric-scan" }, z.unknown(), { ...shell("sleep 60 & sleep 60"), timeoutMs: 100 }),
    );
    expect(fault.description).toContain("no answer within 100 ms");
  });
  test("stderr arrives line by line", async () => {
    const seen: string[] = [];
    await askHelper({ op: "fabric-scan" }, z.unknown(), {
      ...shell(`echo one >&2; printf 'two\\nthree' >&2; echo '{"ok":true}'`),
      onLine: (line) => seen.push(line),
    });
    expect(seen).toEqual(["one", "two", "three"]);
  });
});

describe("a request that is not allowed is refused", () => {
  const refused = {
    "bind to a driver that is not listed": {
      op: "storage-apply",
      steps: [{ do: "bind", address: "0000:01:00.0", driver: "evil" }],
    },
    "an address with a path in it": {
      op: "storage-apply",
      steps: [{ do: "bind", address: "../../../x", driver: "nvme" }],
    },
    "a module that is not listed": { op: "storage-apply", steps: [{ do: "load-module", module: "evil" }] },
    "a relative firmware path": { op: "nvme-firmware-update", address: "0000:01:00.0", path: "fw", slot: 0 },
    "a namespace name with a blank": { op: "pmem-namespace-destroy", name: "namespace0.0 -f all" },
    "a format of nothing in particular": { op: "nvme-format", allow: [] },
    "a field that is unknown": { op: "fabric-scan", preload: "/tmp/x.so" },
  };
  for (const [name, request] of Object.entries(refused)) {
    test(name, async () => {
      expect(await answerTo(JSON.stringify(request))).toMatchObject({ ok: false, code: "EINVAL" });
    });
  }
});

test("the real helper's answer is alone on stdout", async () => {
  const [command = "", ...args] = selfCommand();
  const child = Bun.spawn([command, ...args, "helper"], {
    argv0: "daosctl",
    stdin: new TextEncoder().encode(`{"op":"fabric-scan"}`),
    stdout: "pipe",
    stderr: "pipe",
  });
  const answer = JSON.parse(await new Response(child.stdout).text()) as { ok: boolean };
  expect(typeof answer.ok).toBe("boolean");
  expect(await child.exited).toBe(0);
});
