import { defineCommand } from "citty";
import { readAclFile } from "../../../client/acl-file.ts";
import { poolCreate } from "../../../client/pool.ts";
import { currentPrincipals } from "../../../client/whoami.ts";
import { parseRanks } from "../../../system/ranks.ts";
import { type Arguments, principal, required, text, uint32 } from "../arguments.ts";
import { type NamedPropertyValue, parsePoolSettings } from "../pool-properties.ts";
import { timed } from "../progress.ts";
import { runDmg } from "../session.ts";
import { poolCreateDocument, poolCreateText } from "../views/pool.ts";
import { poolSize } from "./create-size.ts";

export const command = defineCommand({
  meta: { name: "create", description: "Create a DAOS pool" },
  args: {
    label: { type: "positional", description: "Name of the pool", valueHint: "pool label" },
    group: { type: "string", alias: "g", description: "Group that owns the pool: name@domain" },
    user: { type: "string", alias: "u", description: "User who owns the pool: name@domain" },
    properties: {
      type: "string",
      alias: "P",
      description: "Properties to be set: key:val[,key:val...]",
      valueHint: "properties",
    },
    "acl-file": {
      type: "string",
      alias: "a",
      description: "File with the access control list",
      valueHint: "path",
    },
    size: {
      type: "string",
      alias: "z",
      description: "Total size over all ranks, or a percentage of all free space (auto)",
      valueHint: "size or percent",
    },
    "tier-ratio": {
      type: "string",
      alias: "t",
      description: "Percentages of the storage tiers (auto; default: 6,94)",
      valueHint: "percents",
    },
    nranks: { type: "string", alias: "k", description: "Number of ranks to use (auto)", valueHint: "number" },
    nsvc: { type: "string", alias: "v", description: "Number of pool service replicas", valueHint: "number" },
    "scm-size": { type: "string", alias: "s", description: "SCM on each engine (manual)", valueHint: "size" },
    "nvme-size": {
      type: "string",
      alias: "n",
      description: "NVMe on each engine (manual)",
      valueHint: "size",
    },
    "meta-size": {
      type: "string",
      description: "Size of the metadata blob with metadata on SSD (manual)",
      valueHint: "size",
    },
    ranks: {
      type: "string",
      alias: "r",
      description: "Ranks to create the pool on: 0-3,7",
      valueHint: "ranks",
    },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const ranks = parseRanks(text(args, "ranks") ?? "");
      const properties = poolPropertiesOf(args);
      const aclFile = text(args, "acl-file");
      const acl = aclFile === undefined ? [] : await readAclFile(aclFile);
      const size = await poolSize(session, ranks);
      const owner = await poolOwner(args);
      const client = await session.client();
      const wanted = {
        ...owner,
        acl,
        properties,
        serviceReplicas: uint32(args, "nsvc") ?? 0,
        ranks,
        ...size,
      };
      const created = await timed(session, "creating the pool", () => poolCreate(client, wanted));
      return { response: poolCreateDocument(created), text: poolCreateText(created) };
    }),
});

function poolPropertiesOf(args: Arguments): NamedPropertyValue[] {
  const label = required(text(args, "label"), "label");
  const given = text(args, "properties");
  const properties = given === undefined ? [] : parsePoolSettings(given);
  if (properties.some(({ name }) => name === "label")) {
    throw new Error("can't set label property with label argument");
  }
  return [...properties, ...parsePoolSettings(`label:${label}`)];
}

async function poolOwner(args: Arguments): Promise<{ user: string; userGroup: string }> {
  const user = text(args, "user");
  const group = text(args, "group");
  const current = user === undefined || group === undefined ? await currentPrincipals() : { user, group };
  return { user: principal(user ?? current.user), userGroup: principal(group ?? current.group) };
}
