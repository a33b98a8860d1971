import { Der, DerError } from "./der.ts";

/** What daos_engine 2.6.0 takes on its command line, parsed. */
export interface EngineArgs {
  /** -t: number of targets. */
  readonly targets: number;
  /** -x: helper streams. */
  readonly helpers: number;
  /** -g: group (system) name. */
  readonly group: string;
  /** -d: folder of daos_server.sock. */
  readonly socketDir: string;
  /** -s: folder the engine keeps its state in. */
  readonly storagePath: string;
  /** -n: daos_nvme.conf. */
  readonly nvmeConfig: string | undefined;
  /** -I: which of the server's engines this is. */
  readonly instance: number;
  /** -f: first core. */
  readonly firstCore: number;
  /** -p: NUMA node, undefined when not pinned. */
  readonly numaNode: number | undefined;
  /** -r and -H: memory for SPDK and hugepage size, both MiB; not used here, shown in the log. */
  readonly memSizeMib: number;
  readonly hugepageSizeMib: number;
  /** -T: number of storage tiers. */
  readonly storageTiers: number;
  /** -m: modules; not used. */
  readonly modules: string | undefined;
  /** -b: no NVMe health data. */
  readonly bypassHealthCheck: boolean;
  /** -C: checker mode. */
  readonly checkMode: boolean;
}

const longNames: Readonly<Record<string, string>> = {
  cores: "c",
  socket_dir: "d",
  firstcore: "f",
  group: "g",
  modules: "m",
  nvme: "n",
  pinned_numa_node: "p",
  mem_size: "r",
  hugepage_size: "H",
  targets: "t",
  storage: "s",
  xshelpernr: "x",
  instance_idx: "I",
  bypass_health_chk: "b",
  storage_tiers: "T",
  check: "C",
};

const withValue = "cdfgmnprHtsxIT";
const withoutValue = "bC";

/** One option as getopt_long would hand it over. */
interface Option {
  readonly letter: string;
  readonly value: string;
}

function* options(argv: readonly string[]): Generator<Option> {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const letter = longNames[name];
      if (letter === undefined) throw new DerError(Der.INVAL, `unknown option --${name}`);
      if (withoutValue.includes(letter)) yield { letter, value: "" };
      else yield { letter, value: equals < 0 ? next(argv, ++i, word) : word.slice(equals + 1) };
    } else if (word.startsWith("-") && word.length > 1) {
      let at = 1;
      while (at < word.length) {
        const letter = word[at] as string;
        at++;
        if (withoutValue.includes(letter)) {
          yield { letter, value: "" };
        } else if (withValue.includes(letter)) {
          yield { letter, value: at < word.length ? word.slice(at) : next(argv, ++i, word) };
          break;
        } else {
          throw new DerError(Der.INVAL, `unknown option -${letter}`);
        }
      }
    } else {
      throw new DerError(Der.INVAL, `unexpected argument ${word}`);
    }
  }
}

function next(argv: readonly string[], at: number, option: string): string {
  const value = argv[at];
  if (value === undefined) throw new DerError(Der.INVAL, `option ${option} needs a value`);
  return value;
}

function count(option: Option): number {
  // The engine reads with strtoul(…, 0): 0x and leading 0 mean what they mean in C.
  const text = option.value;
  const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  if (text === "" || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new DerError(Der.INVAL, `invalid numeric value: ${text} (set by "-${option.letter}")`);
  }
  return value;
}

/**
 * Parses daos_engine's argv (without the program name), in getopt_long's manners: `-t 1`, `-t1`,
 * `--targets 1`, `--targets=1`.
 * @throws DerError DER_INVAL for what the real engine refuses, too.
 */
export function parseEngineArgs(argv: readonly string[]): EngineArgs {
  const args = {
    targets: 1,
    helpers: 2,
    group: "daos_server",
    socketDir: "/var/run/daos_server",
    storagePath: "/mnt/daos",
    nvmeConfig: undefined as string | undefined,
    instance: 0,
    firstCore: 0,
    numaNode: undefined as number | undefined,
    memSizeMib: 0,
    hugepageSizeMib: 0,
    storageTiers: 1,
    modules: undefined as string | undefined,
    bypassHealthCheck: false,
    checkMode: false,
  };
  for (const option of options(argv)) {
    switch (option.letter) {
      case "c":
      case "t":
        args.targets = count(option);
        break;
      case "x":
        args.helpers = count(option);
        break;
      case "g":
        if (option.value.length > 15)
          throw new DerError(Der.INVAL, "DAOS system name must be at most 15 bytes");
        args.group = option.value;
        break;
      case "d":
        args.socketDir = option.value;
        break;
      case "s":
        args.storagePath = option.value;
        break;
      case "n":
        args.nvmeConfig = option.value;
        break;
      case "I":
        args.instance = count(option);
        break;
      case "f":
        args.firstCore = count(option);
        break;
      case "p":
        args.numaNode = count(option);
        break;
      case "r":
        args.memSizeMib = count(option);
        break;
      case "H":
        args.hugepageSizeMib = count(option);
        break;
      case "T":
        args.storageTiers = count(option);
        if (args.storageTiers < 1 || args.storageTiers > 4)
          throw new DerError(Der.INVAL, "Requires 1 to 4 tiers");
        break;
      case "m":
        args.modules = option.value;
        break;
      case "b":
        args.bypassHealthCheck = true;
        break;
      case "C":
        args.checkMode = true;
        break;
    }
  }
  if (args.targets < 1) throw new DerError(Der.INVAL, "at least one target is needed");
  return args;
}

/**
 * Fabric contexts, as the engine announces them in NotifyReady: two system ones, one a target, and one a
 * helper up to one a target (DSS_CTX_NR_TOTAL of 2.6.0).
 */
export function contextCount(args: Pick<EngineArgs, "targets" | "helpers">): number {
  return 2 + args.targets + Math.min(args.helpers, args.targets);
}
