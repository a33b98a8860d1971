import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { parseControlConfig } from "../../src/config/control.ts";
import { plainControlConfig } from "../../src/config/control-plain.ts";

/** What the full reader makes of it; undefined when it finds a problem. */
function fully(text: string) {
  const { config, problems } = parseControlConfig(Buffer.from(text), "f.yml");
  return problems.length > 0 ? undefined : config;
}

const spelled = fc.constantFrom(
  "name: daos_server",
  "name: 'other'",
  "name: null",
  "name: 12",
  "name: 1.5",
  "name: a:b",
  "name: a:",
  "name: averyveryverylongname",
  "name:",
  "name: a b",
  "name : x",
  "port: 10001",
  "port: 010",
  "port: 70000",
  'port: "10001"',
  "hostlist: [a]",
  "hostlist: [ 'a[1-2]:7' , b.c:1 ]",
  "hostlist: [a[1-2]]",
  "hostlist: [10.0.0.7, 7]",
  "hostlist: ['10.0.0.7:10001']",
  "hostlist: [yes]",
  "hostlist: ['yes', \"no\"]",
  "hostlist: []",
  "hostlist: [a,]",
  "hostlist: a",
  "hostlist:",
  "- a",
  "  - a",
  "  - node[1,3-4].ib:10001",
  "  - 'b'",
  "    - c",
  "  - d:",
  "  - e: f",
  "transport_config:",
  "transport_config: {allow_insecure: true}",
  "  allow_insecure: true",
  "  allow_insecure: false",
  "  allow_insecure: yes",
  "  allow_insecure: 'true'",
  "  ca_cert: /etc/daos/certs/daosCA.crt",
  "  cert: 'a/b.crt'",
  '  key: "k-1"',
  "   key: odd",
  "  key: a # comment",
  "  key: a#b",
  "  unknown: a",
  "# comment",
  "  # comment",
  "name: x # comment",
  "name: x #",
  "name: 'x' #y'",
  "name: x#y",
  "",
  "   ",
  "\t",
  "---",
  "...",
  "access_points: [a]",
  "<<: x",
  "name: &a b",
  "name: *a",
  "name: !!str b",
  "name: |",
  "  text",
);
const file = fc.oneof(
  fc.array(spelled, { maxLength: 7 }).map((lines) => lines.join("\n")),
  fc
    .tuple(fc.array(spelled, { maxLength: 7 }), fc.nat(), fc.constantFrom(..." #:-[]'\",\n\tax0\u00e9\r{"))
    .map(([lines, at, what]) => {
      const text = lines.join("\n");
      const place = text.length === 0 ? 0 : at % text.length;
      return text.slice(0, place) + what + text.slice(place);
    }),
);

describe("a plain control configuration", () => {
  test("means what the full reader says, or is left to it", () => {
    fc.assert(
      fc.property(file, (text) => {
        const config = plainControlConfig(text, "f.yml");
        if (config !== undefined) expect<unknown>(config).toEqual(fully(text));
      }),
      { numRuns: 20_000 },
    );
  });

  test.each([
    "name: daos_server\nport: 10001\nhostlist: ['127.0.0.1:10001']\ntransport_config:\n  allow_insecure: true\n",
    "hostlist:\n- node1\n- node[2-4].ib\n# all\nname: tank # ours\n",
    "transport_config:\n    ca_cert: /a/b.crt\n    cert: c\n    key: 'd'\n\n",
    readFileSync(new URL("../../docs/examples/daos_control.yml", import.meta.url), "utf8"),
  ])("is read at once: %j", (text) => {
    const config = plainControlConfig(text, "f.yml");
    expect(config).toBeDefined();
    expect<unknown>(config).toEqual(fully(text));
  });

  test.each(["", "# nothing\n", "name: {a: b}\n", "hostlist: [\n  a\n]\n"])("is not this: %j", (text) => {
    expect(plainControlConfig(text, "f.yml")).toBeUndefined();
  });
});
