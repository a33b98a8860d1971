import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { type CertificateFacts, daysLeft, inspectCertificates } from "../../security/facts.ts";
import type { JsonObject } from "../../ui/json.ts";
import { answer, jsonFlag } from "./options.ts";

export const command = defineCommand({
  meta: { name: "show", description: "Say what certificate files are and until when they are valid" },
  args: {
    ...jsonFlag,
    files: {
      type: "positional",
      required: true,
      description: "Certificate files (.crt); bundles may hold several",
      valueHint: "file...",
    },
  },
  async run({ args }) {
    const documents: JsonObject[] = [];
    const lines: string[] = [];
    for (const file of args._) {
      for (const facts of inspectCertificates(file, await readFile(file, "utf8"))) {
        documents.push(documentOf(file, facts));
        lines.push(lineOf(file, facts));
      }
    }
    answer(args, { certificates: documents }, lines);
  },
});

function stateOf(facts: CertificateFacts): string {
  const now = Date.now();
  if (now > facts.notAfter.getTime()) return "expired";
  return now < facts.notBefore.getTime() ? "not yet valid" : "valid";
}

function documentOf(file: string, facts: CertificateFacts): JsonObject {
  return {
    file,
    ...facts,
    notBefore: facts.notBefore.toISOString(),
    notAfter: facts.notAfter.toISOString(),
    hostNames: [...facts.hostNames],
    state: stateOf(facts),
    daysLeft: daysLeft(facts.notAfter),
  };
}

function lineOf(file: string, facts: CertificateFacts): string {
  const key = facts.keyBits === undefined ? facts.keyType : `${facts.keyType}-${facts.keyBits}`;
  const state = stateOf(facts);
  const left = state === "valid" ? `${daysLeft(facts.notAfter)} days left` : state.toUpperCase();
  const extra = [
    facts.isAuthority ? "CA" : "",
    facts.node === undefined ? "" : `node ${facts.node}`,
    ...facts.hostNames,
  ].filter((part) => part !== "");
  const also = extra.length === 0 ? "" : ` [${extra.join(", ")}]`;
  return `${file}: CN ${facts.commonName}${also}, ${key}, until ${facts.notAfter.toISOString()} (${left})`;
}
