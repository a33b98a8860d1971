/** Access control lists as text: the form of files and of the terminal. */
import type { AccessControlList } from "./acl.ts";

/**
 * Owners and entries, one a line, everything but the entries as `#` comments, so that the text can be
 * read back. `verbose` puts each entry in words above it.
 */
export function formatAcl(acl: AccessControlList, options: { readonly verbose: boolean }): string {
  const lines: string[] = [];
  if (acl.ownerUser !== "") lines.push(`# Owner: ${acl.ownerUser}`);
  if (acl.ownerGroup !== "") lines.push(`# Owner Group: ${acl.ownerGroup}`);
  lines.push("# Entries:");
  if (acl.entries.length === 0) lines.push("#   None");
  for (const entry of acl.entries) {
    if (options.verbose) lines.push(`# ${entryInWords(entry)}`);
    lines.push(entry);
  }
  return `${lines.join("\n")}\n`;
}

const types: Readonly<Record<string, string>> = { A: "Allow" };
const flags: Readonly<Record<string, string>> = { G: "Group" };
const principals: Readonly<Record<string, string>> = {
  "OWNER@": "Owner",
  "GROUP@": "Owner-Group",
  "EVERYONE@": "Everyone",
};
const permissions: Readonly<Record<string, string>> = {
  r: "Read",
  w: "Write",
  c: "Create-Cont",
  d: "Destroy-Cont",
  t: "Get-Prop",
  T: "Set-Prop",
  a: "Get-ACL",
  A: "Set-ACL",
  o: "Set-Owner",
};

/** `A:G:readers@:rt` as `Allow:Group:readers@:Read/Get-Prop`. */
export function entryInWords(entry: string): string {
  const fields = entry.split(":");
  if (fields.length !== 4) return "invalid ACE";
  const [type, flag, identity, rights] = fields as [string, string, string, string];
  const flagWords = flag === "" ? "" : lettersInWords(flag, flags);
  const who = identity === "" ? "None" : (principals[identity] ?? identity);
  return [lettersInWords(type, types), flagWords, who, lettersInWords(rights, permissions)].join(":");
}

function lettersInWords(letters: string, words: Readonly<Record<string, string>>): string {
  if (letters === "") return "None";
  return [...letters].map((letter) => words[letter] ?? "Unknown").join("/");
}
