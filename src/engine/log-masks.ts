/** Levels of the engine's log in rising weight (D_LOG). */
const LEVELS = ["", "DBUG", "INFO", "NOTE", "WARN", "ERR", "CRIT", "ALRT", "EMRG", "EMIT"] as const;
const ALIASES: Readonly<Record<string, string>> = { DEBUG: "DBUG", ERROR: "ERR", FATAL: "EMRG" };
const ERR = LEVELS.indexOf("ERR");

function levelOf(text: string): number {
  const upper = text.toUpperCase();
  return Math.max(0, (LEVELS as readonly string[]).indexOf(ALIASES[upper] ?? upper));
}

interface Assignment {
  readonly subsystem: string;
  readonly level: number;
}

function parseAssignments(masks: string): Assignment[] {
  return masks
    .split(",")
    .filter((token) => token.includes("="))
    .map((token) => {
      const [subsystem, level, ...rest] = token.split("=");
      if (subsystem === undefined || level === undefined || rest.length > 0) {
        throw new Error(`illegal log level assignment: want PREFIX=LEVEL got "${token}"`);
      }
      return { subsystem, level: levelOf(level) };
    });
}

/**
 * Folds a list of subsystems (DD_SUBSYS) into log masks (D_LOG_MASK): the engine gets one variable. The
 * subsystems listed log at the base level, the others at ERR unless they are assigned a level of their own.
 */
export function mergeLogMasks(masks: string, subsystemText: string): string {
  if (masks === "") return "";
  const base = levelOf(masks.split(",")[0] ?? "") || ERR;
  const assignments = parseAssignments(masks);
  const write = (list: readonly Assignment[], level: number) =>
    [LEVELS[level], ...list.map((item) => `${item.subsystem}=${LEVELS[item.level]}`)].join(",");

  const subsystems = subsystemText.split(",").filter((name) => name !== "" && name.toUpperCase() !== "ALL");
  if (subsystems.length === 0) return write(assignments, base);

  const kept = assignments.filter((item) => item.level >= ERR || subsystems.includes(item.subsystem));
  if (base < ERR) {
    const assigned = new Set(kept.map((item) => item.subsystem));
    for (const subsystem of subsystems) if (!assigned.has(subsystem)) kept.push({ subsystem, level: base });
  }
  const newBase = Math.max(base, ERR);
  return write(
    kept.filter((item) => item.level !== newBase),
    newBase,
  );
}
