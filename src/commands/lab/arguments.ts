import type { StringArgDef } from "citty";
import { badConfig } from "../../faults/config.ts";
import { type LabLayout, labFolder, labLayout } from "../../lab/layout.ts";

/** `--dir`, which every command about a lab takes. */
export const dirArgument: StringArgDef & { type: "string" } = {
  type: "string",
  description: "Folder of the lab (default: $DAOSCTL_LAB_DIR, else ./.daosctl-lab)",
  valueHint: "folder",
};

export function layoutOf(dir: string | undefined): LabLayout {
  return labLayout(labFolder(dir));
}

/**
 * The number given to a flag, or undefined when it was not given.
 * @throws Fault for anything but a whole number from `least` to `most`.
 */
export function count(
  text: string | undefined,
  flag: string,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw badConfig(
    `--${flag} takes a whole number from ${least} to ${most}, not "${text}"`,
    `see "daosctl lab up --help"`,
  );
}
