import fs from "node:fs";

/** A process with this id exists, whoever's it is. */
export function isAlive(pid: number): boolean {
  return fs.existsSync(`/proc/${pid}`);
}

/** An engine that is started by a script has that between it and its server. */
const MAX_GENERATIONS = 8;

/** `pid` was started by `ancestor`, or by one that was. */
export function descendsFrom(pid: number, ancestor: number): boolean {
  let current = pid;
  for (let generation = 0; generation < MAX_GENERATIONS && current > 1; generation++) {
    current = parentOf(current);
    if (current === ancestor) return true;
  }
  return false;
}

function parentOf(pid: number): number {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in parentheses, may hold anything; after it: state, parent.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0; // gone meanwhile
  }
}
