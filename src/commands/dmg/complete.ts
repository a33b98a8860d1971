/** Values for completion: from the live system where it answers at once, else none. */
import type { Candidate, ValueRequest } from "../../cli/complete.ts";
import type { DmgClient } from "../../client/context.ts";
import { MemberState } from "../../system/types.ts";
import type { Arguments } from "./arguments.ts";

/** Somebody waits with a finger on the key. */
const askMs = 1000;

/** @throws Error of a system that cannot be asked */
export async function dmgValues(request: ValueRequest): Promise<readonly Candidate[]> {
  const { hint, typed } = request;
  switch (hint) {
    case "pool label or UUID":
    case "pool label or UUID...":
    case "pool label":
      return hint === "pool label" && request.path.at(-1) === "create" ? [] : await pools(request);
    case "rank":
      return await ranks(request);
    case "ranks":
      return lastOfList(typed, await ranks(request));
    case "states":
      return lastOfList(
        typed,
        Object.keys(MemberState).map((name) => ({ word: name.toLowerCase() })),
      );
    case "host":
    case "hosts":
      return lastOfList(typed, await hosts(request));
    case "key[,key...]":
      return lastOfList(typed, (await properties(request.path)).map(nameOf));
    case "key:val[,key:val...]":
    case "properties":
      return settings(typed, await properties(request.path));
    default:
      return [];
  }
}

/** Candidates for the last item of a list with commas; what stands in it already is not offered again. */
function lastOfList(typed: string, items: readonly Candidate[]): Candidate[] {
  const lead = typed.slice(0, typed.lastIndexOf(",") + 1);
  const there = new Set(lead.split(","));
  return items.filter(({ word }) => !there.has(word)).map(({ word, text }) => ({ word: lead + word, text }));
}

async function ask<T>(args: Arguments, question: (client: DmgClient) => Promise<T>): Promise<T> {
  const [{ loadClient }, { closeConnections }, { makeOutput }] = await Promise.all([
    import("./session.ts"),
    import("../../client/transport.ts"),
    import("./output.ts"),
  ]);
  const signal = AbortSignal.timeout(askMs);
  const client = await loadClient(args, { ownTimeout: true }, makeOutput({}), signal);
  try {
    return await question({ ...client, timeoutMs: askMs });
  } finally {
    closeConnections();
  }
}

async function pools({ args }: ValueRequest): Promise<Candidate[]> {
  const { listPools } = await import("../../client/pool.ts");
  const { pools } = await ask(args, (client) => listPools(client, { query: false }));
  return pools.map(({ label, uuid }) => ({ word: label === "" ? uuid : label, text: uuid }));
}

async function ranks({ args }: ValueRequest): Promise<Candidate[]> {
  const { systemQuery } = await import("../../client/system.ts");
  const { members } = await ask(args, (client) => systemQuery(client, { failOnUnavailable: true }));
  return members.map(({ rank, addr, state }) => ({ word: `${rank}`, text: `${addr} ${state}` }));
}

async function hosts({ args }: ValueRequest): Promise<Candidate[]> {
  const { controlConfig } = await import("./control-config.ts");
  const path = args["config-path"];
  const { hostlist } = await controlConfig(typeof path === "string" ? path : undefined);
  const { parseHostSet } = await import("../../client/hostset.ts");
  return hostlist.flatMap((set) => parseHostSet(set)).map((word) => ({ word }));
}

interface Property {
  readonly name: string;
  readonly description: string;
  readonly choices: readonly string[];
}

/** The properties that the command knows: a system's or a pool's; none for attributes, which are anybody's. */
async function properties(path: readonly string[]): Promise<readonly Property[]> {
  const [family, verb = ""] = path;
  if (verb.endsWith("-attr")) return [];
  if (family === "system") {
    const { systemProperties } = await import("../../client/system-properties.ts");
    return [...systemProperties.values()].map(({ key, ...rest }) => ({ name: key, ...rest }));
  }
  const { poolProperties } = await import("../../client/pool-properties.ts");
  return family === "pool" ? [...poolProperties.values()] : [];
}

function nameOf({ name, description }: Property): Candidate {
  return { word: name, text: description };
}

/** `name:` for a name begun, `name:value` after the colon, for the last item of the list. */
function settings(typed: string, known: readonly Property[]): Candidate[] {
  const lead = typed.slice(0, typed.lastIndexOf(",") + 1);
  const colon = typed.indexOf(":", lead.length);
  if (colon < 0)
    return known.map(({ name, description }) => ({ word: `${lead}${name}:`, text: description }));
  const property = known.find(({ name }) => name === typed.slice(lead.length, colon));
  return (property?.choices ?? []).map((choice) => ({ word: typed.slice(0, colon + 1) + choice }));
}
