import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isPrivateKey, maskEnvironment } from "../../src/bundle/secrets.ts";
import { tempFolder } from "../support/temp.ts";

describe("the environment in a bundle", () => {
  test("hides values of variables that may be secrets, and passwords within URLs", () => {
    const text =
      "PATH=/bin\nAPI_TOKEN=abc\nHTTP_PROXY=http://u:pw@proxy:1/\nD_LOG_FILE=/tmp/x\nDB_PASSWORD=y\n";
    expect(maskEnvironment(text)).toBe(
      "PATH=/bin\nAPI_TOKEN=(hidden)\nHTTP_PROXY=http://u:(hidden)@proxy:1/\nD_LOG_FILE=/tmp/x\nDB_PASSWORD=(hidden)\n",
    );
  });

  test("hides every line of a value of several lines", () => {
    expect(maskEnvironment("MY_PRIVATE=a\nb\nc\nHOME=/root\nd\n")).toBe(
      "MY_PRIVATE=(hidden)\nHOME=/root\nd\n",
    );
  });
});

test.each([
  ["server.key", "anything", true],
  ["id_ed25519", "anything", true],
  ["bundle.pem", "-----BEGIN CERTIFICATE-----\nx\n-----BEGIN RSA PRIVATE KEY-----\n", true],
  ["plain.txt", "-----BEGIN PRIVATE KEY-----\n", true],
  ["ca.crt", "-----BEGIN CERTIFICATE-----\nx\n", false],
  ["empty.log", "", false],
])("%s with %j is a private key: %p", async (name, content, secret) => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, name), content);
  expect(await isPrivateKey(join(folder.path, name))).toBe(secret);
});
