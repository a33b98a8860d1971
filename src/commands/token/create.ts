import { defineCommand } from "citty";
import { createToken } from "../../client/tokens.ts";
import { requireHostName } from "../../security/certificates.ts";
import { parseDuration, text } from "../dmg/arguments.ts";
import { runDmg } from "../dmg/session.ts";

export const command = defineCommand({
  meta: { name: "create", description: "Make a token for one new server or client node" },
  args: {
    component: {
      type: "positional",
      required: true,
      description: "What the node is",
      valueHint: "server|agent",
    },
    "host-list": { type: "string", alias: "l", description: "Servers to ask", valueHint: "hosts" },
    ttl: {
      type: "string",
      description: "How long it may be used: 30m, 2h (at most 168h)",
      valueHint: "duration",
      default: "30m",
    },
    node: { type: "string", description: "The one node that may use it (default: any)", valueHint: "name" },
  },
  run: ({ args }) =>
    runDmg(args, { hosts: true, failure: "token create failed" }, async (session) => {
      const component = text(args, "component");
      if (component !== "server" && component !== "agent") {
        throw new Error(`a token is for a server or an agent, not for "${component ?? ""}"`);
      }
      const seconds = Math.ceil((parseDuration(text(args, "ttl")) ?? 0) / 1000);
      const node = text(args, "node") ?? "";
      if (node !== "") requireHostName(node);
      const { id, token, expires } = await createToken(await session.client(), { component, seconds, node });
      return {
        response: { id, token, component, node, expires: expires.toISOString() },
        text: `${token}\n\nUse it once, until ${expires.toISOString()}, on the new node:\n  daosctl cert join --server <host> --token <token>`,
      };
    }),
});
