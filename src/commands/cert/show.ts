import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { inspectCertificate } from "../../security/facts.ts";

export const command = defineCommand({
  meta: { name: "show", description: "Say what certificate files are and until when they are valid" },
  args: {
    files: {
      type: "positional",
      required: true,
      description: "Certificate files (.crt)",
      valueHint: "file...",
    },
  },
  async run({ args }) {
    const now = Date.now();
    for (const file of args._) {
      const facts = inspectCertificate(file, await readFile(file, "utf8"));
      const days = Math.floor((facts.notAfter.getTime() - now) / 86_400_000);
      const state =
        days < 0 ? "EXPIRED" : now < facts.notBefore.getTime() ? "NOT YET VALID" : `${days} days left`;
      const key = facts.keyBits === undefined ? facts.keyType : `${facts.keyType}-${facts.keyBits}`;
      console.log(
        `${file}: CN ${facts.commonName}, ${key}, until ${facts.notAfter.toISOString()} (${state})`,
      );
    }
  },
});
