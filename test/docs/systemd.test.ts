import { describe, expect, test } from "bun:test";
import path from "node:path";

const folder = path.resolve(import.meta.dirname, "../../docs/systemd");

/** Settings of a unit by name; one that comes more than once has its values joined. */
async function unit(name: string): Promise<Map<string, string>> {
  const settings = new Map<string, string>();
  for (const line of (await Bun.file(path.join(folder, name)).text()).split("\n")) {
    const match = /^([A-Za-z]+)=(.*)$/.exec(line);
    if (match === null) continue;
    const [, key, value] = match as unknown as [string, string, string];
    settings.set(key, [settings.get(key), value].filter(Boolean).join(" "));
  }
  return settings;
}

describe.each(["daos_server.service", "daos_agent.service"])("%s", (name) => {
  test("clears what would have the executable run other code", async () => {
    const cleared = (await unit(name)).get("UnsetEnvironment")?.split(" ");
    expect(cleared).toContain("BUN_BE_BUN");
    expect(cleared).toContain("BUN_OPTIONS");
    expect(cleared).toContain("LD_PRELOAD");
    expect((await unit(name)).get("NoNewPrivileges")).toBe("yes");
  });

  test("waits for readiness, and lets code be compiled", async () => {
    const settings = await unit(name);
    expect(settings.get("Type")).toBe("notify");
    expect(settings.has("MemoryDenyWriteExecute")).toBe(false);
  });
});

test("the server keeps the host's mounts: what it mounts outlives it", async () => {
  const settings = await unit("daos_server.service");
  // Each of these gives a service a mount namespace of its own (systemd.exec(5)).
  const own =
    /^(ProtectSystem|ProtectHome|ProtectKernel.*|ProtectControlGroups|ProtectProc|ProtectClock|Private.*|.*Paths|.*Directories|BindPaths|MountFlags|MountAPIVFS|RootDirectory|DynamicUser|TemporaryFileSystem)$/;
  expect([...settings.keys()].filter((key) => own.test(key))).toEqual([]);
  expect(settings.get("KillMode")).toBe("mixed");
});
