import { open } from "node:fs/promises";

/** Nothing that lets somebody in may leave a host in a bundle. */

const SECRET_NAME = /PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|AUTH|COOKIE|_KEY$|^KEY$/i;
/** "http://user:password@proxy". */
const URL_PASSWORD = /(\w+:\/\/[^\s/:@]+:)[^\s/@]+@/g;

/** Lines of `printenv` with values hidden that may be secrets; a value may go on over several lines. */
export function maskEnvironment(text: string): string {
  let hidden = false;
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const name = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(line)?.[1];
    if (name !== undefined) hidden = SECRET_NAME.test(name);
    else if (hidden && line !== "") continue;
    lines.push(hidden && name !== undefined ? `${name}=(hidden)` : line.replace(URL_PASSWORD, "$1(hidden)@"));
  }
  return lines.join("\n");
}

const KEY_NAME = /\.(key|p12|pfx|jks|keytab|kdb)$|^(id_(rsa|dsa|ecdsa|ed25519)|krb5cc.*|\.netrc|\.pgpass)$/i;
const KEY_TEXT = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
/** PEM files begin with their key, or with a certificate of some KiB before it. */
const LOOKED_AT_BYTES = 256 * 1024;

/** Whether a file is a private key, by its name or what it begins with. @throws when it cannot be read */
export async function isPrivateKey(path: string): Promise<boolean> {
  if (KEY_NAME.test(path.slice(path.lastIndexOf("/") + 1))) return true;
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(LOOKED_AT_BYTES) });
    return KEY_TEXT.test(buffer.subarray(0, bytesRead).toString("latin1"));
  } finally {
    await file.close();
  }
}
