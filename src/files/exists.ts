import { access } from "node:fs/promises";

/** Something has this name. What cannot be looked at counts as absent. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
