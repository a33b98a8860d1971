import { chmod, lstat, mkdir, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FaultCode } from "../faults/codes.ts";
import { errorText, Fault } from "../faults/fault.ts";
import type { Logger } from "../log/logger.ts";

const othersMayWrite = 0o002;
const sticky = 0o1000;

/**
 * Makes the folder of a daemon's sockets, or looks at the one that is there: who can replace what is in it can stand in
 * for the daemon. A folder of ours that everybody may write to is mended; what we cannot mend is refused.
 * @throws Fault that says what is wrong and how to mend it
 */
export async function prepareSocketFolder(path: string, log: Logger): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw unsafe(
      path,
      `it cannot be made: ${errorText(error)}`,
      `remove what is at ${path}, or set another folder`,
    );
  }
  const uid = process.getuid?.() ?? 0;
  const mayOwn = (owner: number) => owner === uid || owner === 0;

  const link = await lstat(path);
  if (link.isSymbolicLink() && !mayOwn(link.uid)) {
    throw unsafe(path, `it is a symbolic link of user ${link.uid}`, `remove the link ${path}`);
  }
  // From here on the folder itself: a link of ours, or of root's, may lead to it.
  const folder = await realpath(path);
  const info = await stat(folder);
  if (!mayOwn(info.uid)) {
    throw unsafe(folder, `it belongs to user ${info.uid}`, `chown ${uid} ${folder}, or set another folder`);
  }
  if ((info.mode & othersMayWrite) !== 0 && (info.mode & sticky) === 0) {
    if (info.uid !== uid) {
      throw unsafe(folder, "everybody may write to it", `chmod o-w ${folder}, or set another folder`);
    }
    await chmod(folder, info.mode & 0o7777 & ~othersMayWrite);
    log.notice(`everybody could write to ${folder}, the folder of sockets: mended (o-w)`);
  }
  for (let parent = dirname(folder); ; parent = dirname(parent)) {
    const above = await stat(parent);
    const open = (above.mode & othersMayWrite) !== 0 && (above.mode & sticky) === 0;
    if (open || !mayOwn(above.uid)) {
      const why = open ? "everybody may write to" : `user ${above.uid} owns`;
      throw unsafe(folder, `${why} ${parent}, and so may replace it`, "set a folder below one of root's");
    }
    if (parent === "/") break;
  }
}

function unsafe(path: string, problem: string, mend: string): Fault {
  return new Fault(
    "security",
    FaultCode.SecurityUnknown,
    `the folder of sockets ${path} is not safe: ${problem}`,
    mend,
  );
}
