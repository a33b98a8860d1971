import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { callDrpc } from "../../src/drpc/client.ts";
import type { DrpcStatusError } from "../../src/drpc/status.ts";
import { type ManagementPeer, type RunningAgent, startAgent, startManagement } from "./bench.ts";
import { recordedInfo } from "./recorded.ts";

interface Recorded {
  name: string;
  module: number;
  method: number;
  /** Hex. */
  body: string;
  answer?: string;
  /** dRPC status when there is no answer. */
  status?: number;
}

const recorded: Recorded[] = fs
  .readFileSync(path.join(import.meta.dir, "recorded-2.6.jsonl"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line));

describe("the agent answers byte for byte as that of 2.6.0:", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "agent-"));
  let ms: ManagementPeer;
  let agent: RunningAgent;
  beforeAll(async () => {
    ms = await startManagement();
    ms.answer = recordedInfo;
    agent = await startAgent({ folder, port: ms.port });
  });
  afterAll(async () => {
    agent.signal("SIGKILL");
    await agent.exited;
    await ms.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  for (const { name, module, method, body, answer, status } of recorded) {
    test(name, async () => {
      const call = callDrpc(agent.socketPath, module, method, Buffer.from(body, "hex"));
      if (answer !== undefined) {
        expect(Buffer.from(await call).toString("hex")).toBe(answer);
      } else {
        const error = await call.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect((error as DrpcStatusError).status as number).toBe(status!);
      }
    });
  }
});
