import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { msOptions } from "./options.ts";

const defaultTimeoutSeconds = 120;

export const command = defineCommand({
  meta: {
    name: "add",
    description:
      "Follow a new or replaced replica until it votes; its server asks to be added when it is started",
  },
  args: {
    ...msOptions,
    addr: { type: "positional", required: true, description: "Control address of the replica, ip:port" },
    timeout: {
      type: "string",
      description: `Seconds to wait (default: ${defaultTimeoutSeconds})`,
      valueHint: "seconds",
    },
  },
  async run({ args }) {
    const json = (args as Record<string, unknown>)["json"] === true;
    const { openTarget } = await import("../../../daemon/ms/target.ts");
    const { awaitMember } = await import("../../../daemon/ms/members.ts");
    const seconds = args.timeout === undefined ? defaultTimeoutSeconds : Number(args.timeout);
    if (!(seconds > 0)) throw new Error(`--timeout takes seconds, not "${args.timeout}"`);
    const steps: string[] = [];
    await awaitMember(await openTarget(args.config), args.addr, seconds * 1000, (text) => {
      steps.push(text);
      if (!json) console.log(`${args.addr}: ${text}`);
    });
    if (json) printJson({ addr: args.addr, steps });
  },
});
