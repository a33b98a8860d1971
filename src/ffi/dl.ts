import { CString, type FFIFunction, linkSymbols, type Pointer } from "bun:ffi";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { faultMissingLibrary, faultMissingSymbol } from "../faults/library.ts";
import { bindLibc, cString } from "./libc.ts";

/**
 * Shared libraries of others, opened with the C library's own dlopen. That of bun:ffi tries the current folder
 * when the loader does not find a bare name, so that root would run what anybody put there; and it cannot make
 * symbols global, which SPDK and DPDK rely on.
 */
const libc = bindLibc({
  dlopen: { args: ["ptr", "i32"], returns: "ptr" },
  dlsym: { args: ["ptr", "ptr"], returns: "ptr" },
  dlerror: { args: [], returns: "ptr" },
});

/** <dlfcn.h> */
const RTLD_NOW = 2;
const RTLD_GLOBAL = 0x100;

/** Where packages of DAOS put the libraries they carry, beside where the loader looks by itself. */
const USUAL_FOLDERS = [
  "/usr/lib64/daos_srv",
  "/usr/lib/daos_srv",
  "/opt/daos/lib64/daos_srv",
  "/opt/daos/lib64",
  "/opt/daos/prereq/release/spdk/lib",
  "/usr/local/lib64",
  "/usr/local/lib",
];

/** One library as a caller wants it. */
export interface LibrarySpec {
  /** For people: "SPDK's NVMe driver". */
  readonly title: string;
  /** Versioned names, the preferred one first: the version in the name is the check of the ABI. */
  readonly names: readonly string[];
  /** What to do when it is missing. */
  readonly install: string;
  /** Symbols are offered to libraries opened later (SPDK's libraries find each other that way). */
  readonly global?: boolean;
}

/** An opened library. It is never closed: what it started may still run. */
export interface Library {
  readonly title: string;
  /** The name or path that opened it. */
  readonly name: string;
  readonly install: string;
  readonly handle: Pointer;
}

/**
 * Folders to look in, in order; undefined stands for where the loader itself looks. SPDK_LIB_DIR comes first,
 * then LD_LIBRARY_PATH. A relative folder is left out: what it means depends on where we were started.
 */
export function searchFolders(env: Readonly<Record<string, string | undefined>>): (string | undefined)[] {
  const named = [env["SPDK_LIB_DIR"] ?? "", ...(env["LD_LIBRARY_PATH"] ?? "").split(":")];
  return [...named.filter((folder) => folder.startsWith("/")), undefined, ...USUAL_FOLDERS];
}

/** bun:ffi gives a pointer as a number, or as a bigint above 2^53, where no address of a process is. */
function asPointer(value: Pointer | bigint): Pointer {
  return Number(value) as Pointer;
}

/** Text of the last failure of the loader; asking clears it. */
function loaderError(): string {
  const text = libc.dlerror();
  return text === null ? "unknown reason" : new CString(text).toString();
}

/** The loader's words when the file itself is not there; anything else is worth more to a person. */
const NOT_THERE = /cannot open shared object file: No such file or directory/;

/** Dependencies opened on the way to one library; more are a circle. */
const MAX_DEPENDENCIES = 64;

/**
 * Opens one file. The loader looks for what the file needs only in its own places; what lies in our folders
 * (SPDK's libraries need twenty others beside them) is opened first, by the name the loader misses.
 */
function openFile(file: string, flags: number, folders: readonly (string | undefined)[]): Pointer | string {
  const tried = new Set<string>();
  for (;;) {
    const handle = libc.dlopen(cString(file), flags);
    if (handle !== null) return asPointer(handle);
    const reason = loaderError();
    const missing = /^([\w.+-]+): cannot open shared object file/.exec(reason)?.[1];
    if (missing === undefined || file.endsWith(missing) || tried.has(missing)) return reason;
    tried.add(missing);
    const opened =
      tried.size < MAX_DEPENDENCIES &&
      folders.some(
        (folder) =>
          folder !== undefined &&
          existsSync(path.join(folder, missing)) &&
          typeof openFile(path.join(folder, missing), flags, folders) !== "string",
      );
    if (!opened) return reason;
  }
}

/**
 * Opens the first that opens of all names in all folders, by order of name.
 * @throws Fault "dependency" 1 with the loader's most telling words.
 */
export function openLibrary(
  spec: LibrarySpec,
  folders: readonly (string | undefined)[] = searchFolders(process.env),
): Library {
  const flags = RTLD_NOW | (spec.global ? RTLD_GLOBAL : 0);
  let reason = "";
  for (const name of spec.names) {
    for (const folder of folders) {
      const file = folder === undefined ? name : path.join(folder, name);
      const handle = openFile(file, flags, folders);
      if (typeof handle !== "string") return { title: spec.title, name: file, install: spec.install, handle };
      // "x.so: cannot open …: No such file" about x itself says only that it is elsewhere; about another
      // library it names the missing dependency.
      const telling = !NOT_THERE.test(handle) || !handle.startsWith(`${file}:`);
      if (reason === "" || (telling && NOT_THERE.test(reason) && reason.includes(name))) reason = handle;
    }
  }
  throw faultMissingLibrary(`${spec.title} (${spec.names.join(", ")})`, spec.install, reason);
}

/** Address of a function in the first library that has it. */
export function findSymbol(libraries: readonly Library[], symbol: string): Pointer | undefined {
  for (const { handle } of libraries) {
    const address = libc.dlsym(handle, cString(symbol));
    if (address !== null) return asPointer(address);
  }
  return undefined;
}

type Functions = Readonly<Record<string, FFIFunction>>;

/**
 * Binds functions of opened libraries.
 * @throws Fault "dependency" 2 naming the first function that is in none of them.
 */
export function bindSymbols<const T extends Functions>(libraries: readonly Library[], functions: T) {
  const table: Record<string, FFIFunction> = {};
  for (const [symbol, type] of Object.entries(functions)) {
    const address = findSymbol(libraries, symbol);
    if (address === undefined) {
      const [first] = libraries;
      throw faultMissingSymbol(first?.title ?? "no library", symbol, first?.install ?? "");
    }
    table[symbol] = { ...type, ptr: address };
  }
  return linkSymbols(table as unknown as T).symbols;
}

/** The same for one function that older or newer versions lack: undefined when it is absent. */
export function bindOptional<const T extends Functions>(libraries: readonly Library[], functions: T) {
  const missing = Object.keys(functions).some((symbol) => findSymbol(libraries, symbol) === undefined);
  return missing ? undefined : bindSymbols(libraries, functions);
}

/** Versioned names in the folders that begin with `stem` ("libspdk_nvme.so."): what is there instead. */
export function versionsFound(stem: string, folders: readonly (string | undefined)[]): string[] {
  const found = new Set<string>();
  const searched = folders.flatMap(
    (folder) => folder ?? ["/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/lib64"],
  );
  for (const folder of searched) {
    try {
      for (const name of readdirSync(folder))
        if (name.startsWith(stem) && /^[\d.]+$/.test(name.slice(stem.length))) found.add(name);
    } catch {
      // a folder that is not there holds nothing
    }
  }
  return [...found].sort();
}
