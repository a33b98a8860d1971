import { writeFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { topologyDocument, topologyText } from "../../bundle/topology.ts";
import { wrapError } from "../../faults/cause.ts";
import { readHostDevices } from "../../hardware/devices.ts";
import { printJson } from "../../ui/json.ts";

/** `daos_agent dump-topology` and `daos_server dump-topology`. */
export const command = defineCommand({
  meta: { name: "dump-topology", description: "Dump system topology" },
  args: {
    output: {
      type: "string",
      alias: "o",
      description: "Write it to this file instead of standard output",
      valueHint: "path",
    },
  },
  async run({ args }) {
    const host = await readHostDevices();
    if ((args as { json?: boolean }).json) return printJson(topologyDocument(host), null);
    const text = topologyText(host);
    if (args.output === undefined || args.output === "" || args.output === "stdout") {
      process.stdout.write(text);
      return;
    }
    await writeFile(args.output, text).catch((error: unknown) => {
      throw wrapError(`failed to create "${args.output}"`, error);
    });
  },
});
