import { defineCommand } from "citty";
import { defaultServerConfigPath } from "../../../config/defaults.ts";
import { placeText } from "../../../config/problem.ts";
import { type CheckedServerConfig, checkServerConfigFile } from "../../../config/server-check.ts";
import { printJson } from "../../../ui/json.ts";

export const command = defineCommand({
  meta: {
    name: "validate",
    description: "Check a server configuration file and list everything that is wrong with it",
  },
  args: {
    file: {
      type: "positional",
      required: false,
      description: `The file, ${defaultServerConfigPath} if none is named`,
    },
    json: { type: "boolean", alias: "j", description: "Print the result as JSON" },
  },
  async run({ args }) {
    const file = args.file ?? defaultServerConfigPath;
    const checked = await checkServerConfigFile(file, process.env);
    if (args.json) printJson(jsonResult(file, checked));
    else console.log(textResult(file, checked));
    if (checked.problems.length > 0) process.exitCode = 1;
  },
});

function jsonResult(file: string, { problems, notices }: CheckedServerConfig) {
  return {
    file,
    valid: problems.length === 0,
    problems: problems.map(({ fault, key, position }) => ({
      key,
      line: position?.line,
      column: position?.column,
      domain: fault.domain,
      code: fault.code,
      description: fault.description,
      resolution: fault.resolution,
    })),
    notices,
  };
}

function textResult(file: string, checked: CheckedServerConfig): string {
  const { config, problems, notices } = checked;
  const remarks = notices.map((notice) => `note: ${notice}`);
  if (problems.length > 0) {
    const listed = problems.map(({ fault, ...problem }) => {
      const place = placeText({ fault, ...problem }) || file;
      return `${place}: ${fault.description} (${fault.domain} ${fault.code})\n    ${fault.resolution}`;
    });
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    return [...listed, ...remarks, `${count} in ${file}`].join("\n");
  }
  const engines = config.engines.map((engine) => {
    const tiers = engine.storage.map((tier) => tier.class).join(" + ");
    const { index, targets, nrXsHelpers, fabricIface, fabricIfacePort } = engine;
    return `  engine ${index}: ${targets} targets, ${nrXsHelpers} helpers, ${fabricIface}:${fabricIfacePort}, storage ${tiers}`;
  });
  const security = config.transportConfig.allowInsecure ? "insecure" : "mutual TLS";
  return [
    `OK: ${file}`,
    `  system ${config.name}, port ${config.port}, ${security}, access points ${config.accessPoints.join(", ")}`,
    ...(engines.length > 0 ? engines : ["  no engines: the server starts in discovery mode"]),
    ...remarks,
  ].join("\n");
}
