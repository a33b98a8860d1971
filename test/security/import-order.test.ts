import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const folder = path.resolve(import.meta.dirname, "..", "..", "src", "security");

/** In a process of its own: in this one another file may have loaded what is missing. */
for (const name of readdirSync(folder).filter((file) => file.endsWith(".ts"))) {
  if (!readFileSync(path.join(folder, name), "utf8").includes("@peculiar/x509")) continue;
  test(`${name} can be the first thing that is loaded`, async () => {
    const child = Bun.spawn(
      [process.execPath, "-e", `await import(${JSON.stringify(path.join(folder, name))})`],
      {
        stderr: "pipe",
      },
    );
    const [text, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    expect(text).toBe("");
    expect(code).toBe(0);
  });
}
