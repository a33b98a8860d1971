import type { Component } from "../../security/roles.ts";
import { isComponent } from "../../security/roles.ts";
import type { PlannedFile } from "../../security/rotate.ts";
import { type Json, printJson } from "../../ui/json.ts";

/** Flags that every command of this family takes. */
export const jsonFlag = {
  json: { type: "boolean", alias: "j", description: "Print one JSON document instead of text" },
} as const;

export const daysFlag = {
  days: { type: "string", description: "How long it is valid", valueHint: "days", default: "1095" },
} as const;

export const dryRunFlag = {
  "dry-run": { type: "boolean", description: "Say what would be done, and do nothing" },
} as const;

/** @throws Error for anything but a whole number of days up to a century */
export function daysOf(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 36_500) {
    throw new Error(`--days takes a whole number from 1 to 36500, not "${text}"`);
  }
  return days;
}

/** @throws Error for another word */
export function componentOf(text: string | undefined): Component {
  if (isComponent(text)) return text;
  throw new Error(`"${text ?? ""}" is none of server, agent and admin`);
}

/** A flag that may be given more than once, or with commas between its values. */
export function listOf(value: unknown): string[] {
  const given = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return given.flatMap((text) => String(text).split(",")).filter((text) => text !== "");
}

/** Says what was done to which file, or would be. */
export function reportPlan(
  plan: readonly PlannedFile[],
  args: { json?: boolean; "dry-run"?: boolean },
): void {
  const dryRun = args["dry-run"] === true;
  if (args.json === true) {
    printJson({ dryRun, files: plan.map(({ path, action, what }) => ({ path, action, what })) });
    return;
  }
  const verbs = dryRun
    ? { write: "would write", replace: "would replace", remove: "would remove" }
    : { write: "wrote", replace: "replaced", remove: "removed" };
  for (const { path, action, what } of plan) console.log(`${verbs[action]} ${path}  (${what})`);
}

/** Prints an answer: the document, or its lines. */
export function answer(args: { json?: boolean }, document: Json, lines: readonly string[]): void {
  if (args.json === true) printJson(document);
  else console.log(lines.join("\n"));
}
