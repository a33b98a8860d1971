import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseAclText } from "../../src/client/acl-file.ts";
import { entryInWords, formatAcl } from "../../src/client/acl-text.ts";

describe("an access control list", () => {
  test.each([
    ["A::OWNER@:rw", "Allow::Owner:Read/Write"],
    [
      "A:G:GROUP@:rcdtTaAo",
      "Allow:Group:Owner-Group:Read/Create-Cont/Destroy-Cont/Get-Prop/Set-Prop/Get-ACL/Set-ACL/Set-Owner",
    ],
    ["A::EVERYONE@:", "Allow::Everyone:None"],
    ["A::bob@:z", "Allow::bob@:Unknown"],
    ["A:G::r", "Allow:Group:None:Read"],
    ["nonsense", "invalid ACE"],
  ])("says %p in words", (entry, words) => {
    expect(entryInWords(entry)).toBe(words);
  });

  test("is printed with its owners as comments", () => {
    const acl = { entries: ["A::OWNER@:rw"], ownerUser: "bob@", ownerGroup: "staff@" };
    expect(formatAcl(acl, { verbose: false })).toBe(
      "# Owner: bob@\n# Owner Group: staff@\n# Entries:\nA::OWNER@:rw\n",
    );
    expect(formatAcl(acl, { verbose: true })).toContain("# Allow::Owner:Read/Write\nA::OWNER@:rw\n");
  });

  test("that is empty says so", () => {
    expect(formatAcl({ entries: [], ownerUser: "", ownerGroup: "" }, { verbose: false })).toBe(
      "# Entries:\n#   None\n",
    );
  });

  test("can be read back from its text", () => {
    const entry = fc
      .tuple(
        fc.constantFrom("", "G"),
        fc.constantFrom("bob@", "OWNER@", "x@dom"),
        fc.constantFrom("r", "rw", "rwcdtTaAo", ""),
      )
      .map(([flag, who, rights]) => `A:${flag}:${who}:${rights}`);
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), fc.boolean(), (entries, verbose) => {
        const text = formatAcl({ entries, ownerUser: "o@", ownerGroup: "g@" }, { verbose });
        expect(parseAclText(text)).toEqual(entries);
      }),
    );
  });
});
