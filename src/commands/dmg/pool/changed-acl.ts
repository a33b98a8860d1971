import type { AccessControlList } from "../../../client/acl.ts";
import { formatAcl } from "../../../client/acl-text.ts";
import { inTextContext, type Outcome, type Session } from "../session.ts";
import { aclDocument } from "../views/pool-settings.ts";

/** Changes a list by `change` and shows what it has become. */
export async function changedAcl(
  session: Session,
  name: string,
  pool: string,
  change: () => Promise<AccessControlList>,
): Promise<Outcome> {
  const acl = await inTextContext(session, `${name} command failed`, change);
  return {
    response: aclDocument(acl),
    text: `${name} command succeeded, ID: ${pool}\n\n${formatAcl(acl, { verbose: false })}`,
  };
}
