import { type CheckPolicy, checkClasses, className, parseAction, parseClass } from "../../../client/check.ts";
import type { CheckInconsistClass } from "../../../gen/chk/chk_pb.ts";
import { parseKeys, parseSettings } from "../property-list.ts";

/** `CLASS:ACTION[,CLASS:ACTION...]`. @throws Error naming what is unknown */
export function parsePolicies(text: string): CheckPolicy[] {
  const settings = parseSettings(text, { allowed: checkClasses.map(className) });
  return [...settings].map(([name, action]) => ({ class: parseClass(name), action: parseAction(action) }));
}

/** `CLASS[,CLASS...]`; nothing names none. */
export function parseClasses(text: string | undefined): CheckInconsistClass[] {
  if (text === undefined) return [];
  return parseKeys(text, { allowed: checkClasses.map(className) }).map(parseClass);
}
