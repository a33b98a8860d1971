/**
 * The engine's log words: D_LOG_MASK ("INFO,MGMT=DEBUG"), DD_MASK (debug streams) and DD_SUBSYS. The lists
 * are what the engine's gurt and DAOS libraries know.
 */

const levels = [
  "DEBUG",
  "DBUG",
  "INFO",
  "NOTE",
  "WARN",
  "ERROR",
  "ERR",
  "CRIT",
  "ALRT",
  "FATAL",
  "EMRG",
  "EMIT",
];

const streams =
  "ALL MD PL MGMT EPC DF REBUILD SEC CSUM GROUP_DEFAULT GROUP_METADATA_ONLY GROUP_METADATA ANY TRACE MEM NET IO TEST".split(
    " ",
  );

const subsystems =
  "ALL DAOS ARRAY KV COMMON TREE VOS CLIENT SERVER RDB RSVC POOL CONTAINER OBJECT PLACEMENT REBUILD MGMT BIO TESTS DFS DUNS DRPC SECURITY DTX DFUSE IL CSUM STACK MISC MEM SWIM FI TELEM CRT RPC BULK CORPC GRP LM HG EXTERNAL ST IV CTL".split(
    " ",
  );

/** The engine keeps the mask in a buffer of 1024 bytes. */
const maximumMaskLength = 1023;

function badCharacters(text: string): string | undefined {
  if (text.length > maximumMaskLength) return `it is longer than ${maximumMaskLength} characters`;
  return /^[a-zA-Z,=_]+$/.test(text)
    ? undefined
    : `"${text}" has characters other than letters, "_", "=" and ","`;
}

function badNames(text: string, known: readonly string[]): string | undefined {
  if (text === "") return undefined;
  const characters = badCharacters(text);
  if (characters !== undefined) return characters;
  const names = text.split(",");
  const unknown = names.find((name) => !known.includes(name.toUpperCase()));
  if (unknown !== undefined) return `unknown name "${unknown}", want one of ${known.join(", ")}`;
  if (names.length > 1 && names.some((name) => name.toUpperCase() === "ALL"))
    return `"all" stands for every name and is used alone`;
  return undefined;
}

function unknownLevel(level: string): string | undefined {
  if (levels.includes(level.toUpperCase())) return undefined;
  return `unknown log level "${level}", want one of ${levels.join(", ")}`;
}

/** What is wrong with a D_LOG_MASK such as "ERR,MGMT=DEBUG", or undefined. */
export function logMaskProblem(mask: string): string | undefined {
  if (mask === "") return undefined;
  const characters = badCharacters(mask);
  if (characters !== undefined) return characters;
  for (const [index, token] of mask.split(",").entries()) {
    if (index === 0 && !token.includes("=")) {
      const problem = unknownLevel(token);
      if (problem !== undefined) return problem;
      continue;
    }
    const [subsystem, level, ...rest] = token.split("=");
    if (subsystem === undefined || level === undefined || rest.length > 0) {
      return `"${token}" should read SUBSYSTEM=LEVEL`;
    }
    if (subsystem.toUpperCase() === "ALL")
      return `"all" cannot be given a level; put the level first instead`;
    const problem = unknownLevel(level) ?? badNames(subsystem, subsystems);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What is wrong with a DD_MASK such as "mgmt,md", or undefined. */
export function logStreamsProblem(names: string): string | undefined {
  return badNames(names, streams);
}

/** What is wrong with a DD_SUBSYS such as "pool,rdb", or undefined. */
export function logSubsystemsProblem(names: string): string | undefined {
  return badNames(names, subsystems);
}
