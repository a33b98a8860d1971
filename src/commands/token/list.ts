import { defineCommand } from "citty";
import { listTokens } from "../../client/tokens.ts";
import { formatTable } from "../../ui/table.ts";
import { runDmg } from "../dmg/session.ts";

function when(seconds: bigint): string {
  return seconds === 0n ? "" : new Date(Number(seconds) * 1000).toISOString();
}

export const command = defineCommand({
  meta: { name: "list", description: "List tokens, and who used them" },
  args: {
    "host-list": { type: "string", alias: "l", description: "Servers to ask", valueHint: "hosts" },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true, failure: "token list failed" }, async (session) => {
      const now = Date.now() / 1000;
      const tokens = (await listTokens(await session.client())).map((token) => ({
        id: token.id,
        component: token.component,
        node: token.node,
        state: token.used !== 0n ? "used" : Number(token.expires) <= now ? "expired" : "valid",
        created: when(token.created),
        expires: when(token.expires),
        creator: token.creator,
        used: when(token.used),
        usedBy: token.usedBy,
      }));
      return {
        response: { tokens },
        text:
          tokens.length === 0
            ? "There are no tokens."
            : formatTable(
                ["ID", "For", "Node", "State", "Expires", "Used by"],
                tokens.map(({ id, component, node, state, expires, usedBy }) => ({
                  ID: id,
                  For: component,
                  Node: node === "" ? "any" : node,
                  State: state,
                  Expires: expires,
                  "Used by": usedBy === "" ? "-" : usedBy,
                })),
              ),
      };
    }),
});
