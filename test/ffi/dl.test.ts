import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Fault } from "../../src/faults/fault.ts";
import { bindOptional, bindSymbols, openLibrary, searchFolders, versionsFound } from "../../src/ffi/dl.ts";

let folder = "";

function compile(name: string, source: string, ...more: string[]): void {
  const file = path.join(folder, `${name}.c`);
  fs.writeFileSync(file, source);
  const done = Bun.spawnSync(["gcc", "-shared", "-fPIC", "-o", path.join(folder, name), file, ...more]);
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
}

const spec = (...names: string[]) => ({ title: "the toy library", names, install: "install the toy" });

function faultOf(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe.skipIf(Bun.which("gcc") === null)("opening a library", () => {
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "daosctl-dl-"));
    compile("libtoy.so.1", "int toy(void) { return 42; }\n");
    compile("libbase.so.1", "int base(void) { return 7; }\n");
    compile("libneeds.so.1", "int base(void); int needs(void) { return base(); }\n");
    compile("libgone.so.1", "int gone(void) { return 1; }\n", "-Wl,-soname,libgone.so.1");
    compile(
      "libwants.so.1",
      "int gone(void); int wants(void) { return gone(); }\n",
      path.join(folder, "libgone.so.1"),
    );
    fs.rmSync(path.join(folder, "libgone.so.1"));
    compile("libdeep.so.1", "int deep(void) { return 11; }\n", "-Wl,-soname,libdeep.so.1");
    const deep = path.join(folder, "libdeep.so.1");
    compile(
      "libmid.so.1",
      "int deep(void); int mid(void) { return deep(); }\n",
      deep,
      "-Wl,-soname,libmid.so.1",
    );
    const mid = path.join(folder, "libmid.so.1");
    compile(
      "libwants2.so.1",
      "int mid(void); int wants2(void) { return mid(); }\n",
      mid,
      "-Wl,--allow-shlib-undefined",
    );
    fs.writeFileSync(path.join(folder, "libtext.so.1"), "this is no library\n");
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test("finds it in the folder and calls it", () => {
    const library = openLibrary(spec("libtoy.so.1"), [folder]);
    expect(bindSymbols([library], { toy: { args: [], returns: "i32" } }).toy()).toBe(42);
    expect(library.name).toBe(path.join(folder, "libtoy.so.1"));
  });

  test("takes the first of several names that is there", () => {
    expect(openLibrary(spec("libtoy.so.2", "libtoy.so.1"), [folder]).name).toEndWith("libtoy.so.1");
  });

  test("a missing one is fault 1 with what to install", () => {
    const fault = faultOf(() => openLibrary(spec("libnowhere.so.3"), [undefined]));
    expect(fault.code).toBe(1);
    expect(fault.description).toContain("libnowhere.so.3");
    expect(fault.resolution).toBe("install the toy");
    expect(fault.reason).toContain("No such file");
  });

  test("never looks into the current folder", () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect(faultOf(() => openLibrary(spec("libtoy.so.1"), [undefined])).code).toBe(1);
    } finally {
      process.chdir(before);
    }
  });

  test("a missing dependency is named", () => {
    expect(faultOf(() => openLibrary(spec("libwants.so.1"), [folder, undefined])).reason).toContain(
      "libgone.so.1",
    );
  });

  test("a dependency that lies in a folder of ours is opened first", () => {
    const wants = openLibrary(spec("libwants2.so.1"), [folder, undefined]);
    expect(bindSymbols([wants], { wants2: { args: [], returns: "i32" } }).wants2()).toBe(11);
  });

  test("a file that is no library says so, though another folder has none", () => {
    expect(
      faultOf(() => openLibrary(spec("libtext.so.1"), ["/nonexistent", folder, undefined])).reason,
    ).toMatch(/invalid ELF header|file too short/);
  });

  test("a missing function is fault 2 naming it", () => {
    const library = openLibrary(spec("libtoy.so.1"), [folder]);
    const fault = faultOf(() => bindSymbols([library], { dances: { args: [], returns: "i32" } }));
    expect(fault.code).toBe(2);
    expect(fault.description).toContain("dances");
  });

  test("an optional function may be missing", () => {
    const library = openLibrary(spec("libtoy.so.1"), [folder]);
    expect(bindOptional([library], { dances: { args: [], returns: "i32" } })).toBeUndefined();
    expect(bindOptional([library], { toy: { args: [], returns: "i32" } })?.toy()).toBe(42);
  });

  test("global symbols are found by libraries opened later", () => {
    expect(faultOf(() => openLibrary(spec("libneeds.so.1"), [folder])).reason).toContain(
      "undefined symbol: base",
    );
    openLibrary({ ...spec("libbase.so.1"), global: true }, [folder]);
    const needs = openLibrary(spec("libneeds.so.1"), [folder]);
    expect(bindSymbols([needs], { needs: { args: [], returns: "i32" } }).needs()).toBe(7);
  });

  test("what versions are there is told", () => {
    expect(versionsFound("libtoy.so.", [folder, "/nonexistent"])).toEqual(["libtoy.so.1"]);
  });
});

describe("where libraries are looked for", () => {
  test("SPDK_LIB_DIR, then LD_LIBRARY_PATH, then the loader's places", () => {
    expect(searchFolders({ SPDK_LIB_DIR: "/a", LD_LIBRARY_PATH: "/b:/c" }).slice(0, 4)).toEqual([
      "/a",
      "/b",
      "/c",
      undefined,
    ]);
  });
  test("relative folders and empty entries are left out", () => {
    expect(searchFolders({ SPDK_LIB_DIR: "lib", LD_LIBRARY_PATH: ":./x:/c" })[0]).toBe("/c");
  });
});
