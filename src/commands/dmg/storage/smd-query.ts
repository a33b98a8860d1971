import { hostErrorsSummary } from "../../../client/host-results.ts";
import { type SmdQueryOptions, smdQuery } from "../../../client/smd.ts";
import { type Arguments, flag } from "../arguments.ts";
import { runDmg } from "../session.ts";
import { hostErrorsText } from "../views/common.ts";
import { smdDocument, smdText } from "../views/smd-info.ts";

/** The body of list-devices and list-pools. */
export function smdQueryCommand(args: Arguments, options: SmdQueryOptions): Promise<void> {
  return runDmg(args, { hosts: true }, async (session) => {
    const answer = await smdQuery(await session.client(), options);
    return {
      response: smdDocument(answer),
      text: smdText(answer.groups, {
        devices: options.omitDevices !== true,
        pools: options.omitPools !== true,
        verbose: flag(args, "verbose"),
      }),
      warnings: hostErrorsText(answer.errors),
      error: hostErrorsSummary(answer.errors),
    };
  });
}
