import { DAOS_VERSION, daosctlVersion } from "../version.ts";
import { programs } from "./programs.ts";

/** The page of `daosctl --help`. Loads none of the programs. */
export function rootHelp(): string {
  const width = Math.max(...Object.keys(programs).map((name) => name.length));
  const lines = Object.entries(programs).map(([name, { summary, link }]) => {
    const also = link === undefined ? "" : ` (also as: ${link})`;
    return `  ${name.padEnd(width)}  ${summary}${also}`;
  });
  return `daosctl ${daosctlVersion}: the DAOS ${DAOS_VERSION} control plane in one executable

Usage:
  daosctl <command> [flags]

Commands:
${lines.join("\n")}

Global flags:
  -h, --help     Show this page, or that of a command
      --version  Print the version

Called through a symbolic link named dmg, daos_server or daos_agent it behaves as that program.
`;
}
