import { spawnSync } from "node:child_process";
import path from "node:path";

/** Compiles the empty program with the executable's flags into `folder`; what a start-up cannot be below. */
export function buildEmpty(folder: string): string {
  const empty = path.join(folder, "empty");
  const built = spawnSync(
    process.execPath,
    [
      "build",
      "--compile",
      "--minify",
      "--bytecode",
      "--format=esm",
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      "--compile-exec-argv=--disallow-code-generation-from-strings=strict",
      "--compile-jit-policy",
      "8",
      path.join(import.meta.dirname, "empty.ts"),
      "--outfile",
      empty,
    ],
    { encoding: "utf8" },
  );
  if (built.status !== 0) throw new Error(`the empty program was not built: ${built.stderr}`);
  return empty;
}
