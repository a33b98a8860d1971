import { isatty } from "node:tty";
import type { Session } from "./session.ts";

/**
 * On a terminal, asks whether to go on; in scripts, and with --json, goes on, as 2.6 does.
 * @throws Error "consent not given" for any other answer than yes.
 */
export async function confirm(session: Session, warning: string): Promise<void> {
  if (session.json || !isatty(0) || !isatty(1)) return;
  await askConsent(warning);
}

/** Asks on whatever standard input is. @throws Error "consent not given" */
export async function askConsent(warning: string): Promise<void> {
  console.log(`${warning === "" ? "" : `${warning}\n`}Are you sure you want to continue? (yes/no)`);
  for await (const line of console) {
    const answer = line.trim().toLowerCase();
    if (answer === "yes") return;
    if (answer === "no") break;
    console.log("Please type yes or no and then press enter:");
  }
  throw new Error("consent not given");
}
