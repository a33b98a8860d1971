/**
 * What stands around every dmg command: its client, its one document or its text, its errors in context.
 */
import { InterruptedError } from "../../cli/failure.ts";
import { type DmgClient, systemField } from "../../client/context.ts";
import type { ControlConfig } from "../../config/types.ts";
import { causeOf, wrapError } from "../../faults/cause.ts";
import { errorText } from "../../faults/fault.ts";
import { PoolNotFoundError } from "../../faults/system.ts";
import type { TransportSecurity } from "../../security/tls.ts";
import { type Json, printJson } from "../../ui/json.ts";
import { type Arguments, flag, parseDuration, text } from "./arguments.ts";
import { ignoreProxies, makeOutput, type Output } from "./output.ts";
import { timed } from "./progress.ts";

/** What a command has to say: a document for --json, text for people, and an error if it failed in part. */
export interface Outcome {
  readonly response?: Json;
  /** Standard output. */
  readonly text?: string;
  /** Standard error, before the error itself. */
  readonly warnings?: string;
  /** Ends the command with status 1 although there is something to show. */
  readonly error?: Error | undefined;
}

export interface Session {
  readonly args: Arguments;
  readonly json: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Prints a line at once, before a long operation; nothing with --json. */
  say(line: string): void;
  /** Warns on standard error. */
  notice(line: string): void;
  /** Loads the configuration and its certificates; once. */
  client(): Promise<DmgClient>;
}

export interface CommandTraits {
  /** Words put before every error: "system query failed". */
  readonly failure?: string;
  /** The command takes --host-list. */
  readonly hosts?: boolean;
  /** `--timeout` means something else here than the deadline of the whole command. */
  readonly ownTimeout?: boolean;
}

/** Runs a command's body: `run: ({ args }) => runDmg(args, {…}, async (session) => …)`. */
export async function runDmg(
  args: Arguments,
  traits: CommandTraits,
  body: (session: Session) => Promise<Outcome>,
): Promise<void> {
  ignoreProxies(args);
  const session = makeSession(args, traits);
  let outcome: Outcome;
  try {
    if (!traits.hosts && text(args, "host-list") !== undefined)
      throw new Error("unknown flag `l'/`host-list'");
    outcome = await body(session);
    // Calls to many hosts end with what each of them said; that they were called off is all there is to say.
    if (session.signal.aborted && (outcome.error ?? outcome.warnings)) throw new InterruptedError();
  } catch (error) {
    const told = inContext(session.json ? error : await advised(session, error), traits);
    if (session.json) printJson(null, told);
    throw told;
  } finally {
    await session.end();
  }
  if (session.json) {
    printJson(outcome.response, outcome.error);
  } else {
    if (outcome.warnings) session.output.error(outcome.warnings.trimEnd());
    if (outcome.text) session.output.info(outcome.text.replace(/\n$/, ""));
  }
  if (outcome.error) throw inContext(outcome.error, traits);
}

/** Puts words before an error of `act`, but not in a document: there 2.6 gives it bare. */
export async function inTextContext<T>(session: Session, prefix: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw session.json ? error : wrapError(prefix, error);
  }
}

/** Says "<name> succeeded" or "<name> failed: …" on standard output, as 2.6's changing commands do. */
export async function reported(
  session: Session,
  name: string,
  act: () => Promise<void>,
  words = { succeeded: "succeeded", failed: "failed" },
): Promise<Outcome> {
  try {
    await timed(session, name, act);
  } catch (error) {
    session.say(`${name} ${words.failed}: ${errorText(error)}`);
    throw error;
  }
  return { text: `${name} ${words.succeeded}` };
}

/** An error with what might help; the document keeps 2.6's words. */
async function advised(session: Session, error: unknown): Promise<unknown> {
  if (!(causeOf(error) instanceof PoolNotFoundError)) return error;
  const { withNearPool } = await import("./near-pool.ts");
  return await withNearPool(session, error);
}

function inContext(error: unknown, { failure }: CommandTraits): unknown {
  return failure === undefined ? error : wrapError(failure, error);
}

function makeSession(
  args: Arguments,
  traits: CommandTraits,
): Session & { readonly output: Output; end(): Promise<void> } {
  const output = makeOutput(args);
  const abort = new AbortController();
  const interrupt = () => abort.abort(new InterruptedError());
  process.once("SIGINT", interrupt);
  let client: Promise<DmgClient> | undefined;
  return {
    args,
    json: flag(args, "json"),
    signal: abort.signal,
    say: output.info,
    notice: output.notice,
    output,
    client: () => {
      client ??= loadClient(args, traits, output, abort.signal);
      return client;
    },
    end: async () => {
      process.off("SIGINT", interrupt);
      if (client === undefined) return;
      const { closeConnections } = await import("../../client/transport.ts");
      closeConnections();
    },
  };
}

/** The client that the global flags and the control configuration stand for. */
export async function loadClient(
  args: Arguments,
  traits: CommandTraits,
  output: Output,
  signal: AbortSignal,
): Promise<DmgClient> {
  const { controlConfig, controlHosts } = await import("./control-config.ts");
  const config = await controlConfig(text(args, "config-path"));
  const hosts = controlHosts(config, text(args, "host-list"));
  return {
    security: await transportSecurity(config, flag(args, "insecure")),
    component: "admin",
    sys: systemField(config.name),
    systemName: config.name,
    hosts,
    signal,
    timeoutMs: traits.ownTimeout ? undefined : parseDuration(text(args, "timeout")),
    log: output,
  };
}

async function transportSecurity(config: ControlConfig, insecure: boolean): Promise<TransportSecurity> {
  if (insecure || config.transportConfig.allowInsecure) return { insecure: true };
  const { loadTransportSecurity } = await import("../../security/tls.ts");
  try {
    return await loadTransportSecurity(config.transportConfig, "admin");
  } catch (error) {
    throw wrapError("Unable to load Certificate Data", error);
  }
}
