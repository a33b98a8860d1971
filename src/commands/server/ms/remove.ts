import { defineCommand } from "citty";
import { printJson } from "../../../ui/json.ts";
import { consent, forceOption, msOptions } from "./options.ts";

export const command = defineCommand({
  meta: { name: "remove", description: "Take a replica out of the management service" },
  args: {
    ...msOptions,
    ...forceOption,
    addr: { type: "positional", required: true, description: "Control address of the replica, ip:port" },
  },
  async run({ args }) {
    const json = (args as Record<string, unknown>)["json"] === true;
    const { openTarget } = await import("../../../daemon/ms/target.ts");
    const { removeReplica } = await import("../../../daemon/ms/members.ts");
    const target = await openTarget(args.config);
    await consent(
      `This takes ${args.addr} out of the replicas of system ${target.systemName}. What its disk holds is worth nothing then.\n` +
        "Take it out of 'access_points' of all configurations as well, or it joins again when its server is started without its database.",
      args.force === true,
    );
    const members = await removeReplica(target, args.addr);
    if (json) printJson({ removed: args.addr, replicas: members });
    else console.log(`${args.addr} is no replica any more; left are ${members.join(", ")}`);
  },
});
