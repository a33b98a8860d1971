import { defineCommand } from "citty";
import { revokeToken } from "../../client/tokens.ts";
import { text } from "../dmg/arguments.ts";
import { runDmg } from "../dmg/session.ts";

export const command = defineCommand({
  meta: { name: "revoke", description: "Make a token useless" },
  args: {
    id: { type: "positional", required: true, description: "Its id, as token list shows it" },
    "host-list": { type: "string", alias: "l", description: "Servers to ask", valueHint: "hosts" },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true, failure: "token revoke failed" }, async (session) => {
      const id = text(args, "id") ?? "";
      await revokeToken(await session.client(), id);
      return { response: { id }, text: `Token ${id} is revoked.` };
    }),
});
