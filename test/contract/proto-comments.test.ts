import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";

describe("the .proto files", () => {
  const protos = path.join(import.meta.dir, "../../proto");
  for (const file of fs.readdirSync(protos, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".proto")) continue;
    const text = fs.readFileSync(path.join(protos, file), "utf8");
    test(`${file} says what it is and what each of its messages is for`, () => {
      expect(text).toStartWith("// ");
      const lines = text.split("\n");
      const bare = lines.filter(
        (line, at) => /^\s*(message|enum|service) /.test(line) && !/^\s*(\/\/|\*)/.test(lines[at - 1] ?? ""),
      );
      expect(bare).toEqual([]);
    });
  }
});
