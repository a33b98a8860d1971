import { defineCommand } from "citty";
import { setContainerOwner } from "../../../client/acl.ts";
import { parseUuid } from "../../../system/labels.ts";
import { type Arguments, principal, required, text } from "../arguments.ts";
import { reported, runDmg } from "../session.ts";

export const command = defineCommand({
  meta: { name: "set-owner", description: "Change the owner for a DAOS container" },
  args: {
    group: { type: "string", alias: "g", description: "New owner-group: name@domain", valueHint: "group" },
    user: { type: "string", alias: "u", description: "New owner-user: name@domain", valueHint: "user" },
    cont: {
      type: "string",
      alias: "c",
      required: true,
      description: "UUID of the container",
      valueHint: "uuid",
    },
    pool: { type: "string", alias: "p", required: true, description: "UUID of its pool", valueHint: "uuid" },
  },
  run: ({ args }) =>
    runDmg(args, {}, async (session) => {
      const user = text(args, "user");
      const group = text(args, "group");
      if (user === undefined && group === undefined) {
        throw new Error("at least one of `--user' or `--group' must be supplied");
      }
      const owner = {
        pool: uuidOf(args, "pool"),
        container: uuidOf(args, "cont"),
        user: user === undefined ? "" : principal(user),
        group: group === undefined ? "" : principal(group),
      };
      const client = await session.client();
      return await reported(session, "Container-set-owner command", () => setContainerOwner(client, owner), {
        succeeded: "SUCCEEDED",
        failed: "FAILED",
      });
    }),
});

function uuidOf(args: Arguments, name: string): string {
  const value = required(text(args, name), name);
  const uuid = parseUuid(value);
  if (uuid === undefined) throw new Error(`invalid UUID "${value}"`);
  return uuid;
}
