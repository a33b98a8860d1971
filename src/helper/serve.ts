import fs from "node:fs";
import { errorText, Fault } from "../faults/fault.ts";
import { SysError } from "../ffi/libc.ts";
import { exitNow, keepStdout } from "../ffi/stdio.ts";
import { mountStorage, unmountStorage } from "./mounts.ts";
import { type HelperAnswer, type HelperRequest, MAX_REQUEST_BYTES, requestSchema } from "./protocol.ts";

/**
 * Reads one request from stdin, does it, writes the answer to stdout. Whatever is on stdin, there is an answer.
 * Libraries print what they like on stdout; that goes to stderr. Once the answer is out nothing of theirs runs
 * any more, no handler at exit and no thread.
 */
export async function serveRequest(): Promise<never> {
  const output = keepStdout();
  const answer = await answerTo(await readRequest());
  fs.writeFileSync(output, `${JSON.stringify(answer)}\n`);
  exitNow(0);
}

/** All of stdin, or undefined when it is longer than any request. */
async function readRequest(): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    bytes += chunk.length;
    if (bytes > MAX_REQUEST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Does what `text` asks for. Exported for tests of what a hostile request gets. */
export async function answerTo(text: string | undefined): Promise<HelperAnswer> {
  if (text === undefined) return refusal("the request is too long");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return refusal(`the request is no JSON: ${errorText(error)}`);
  }
  const request = requestSchema.safeParse(json);
  if (!request.success) {
    return refusal(
      request.error.issues
        .map((issue) => `${issue.path.join(".") || "request"}: ${issue.message}`)
        .join("; "),
    );
  }
  try {
    const value = await perform(request.data);
    return { ok: true, value };
  } catch (error) {
    if (error instanceof Fault) {
      const { domain, code, description, resolution, reason } = error;
      return {
        ok: false,
        message: error.message,
        code: "",
        fault: { domain, code, description, resolution, reason },
      };
    }
    return { ok: false, message: errorText(error), code: error instanceof SysError ? error.code : "" };
  }
}

async function perform(request: HelperRequest): Promise<unknown> {
  switch (request.op) {
    case "mount":
      return mountStorage(request);
    case "unmount":
      return unmountStorage(request);
    case "identity": {
      const { findIdentity } = await import("./identity.ts");
      return findIdentity(request.uid, request.gid);
    }
    default: {
      const { performOperation } = await import("./ops/perform.ts");
      return performOperation(request);
    }
  }
}

function refusal(message: string): HelperAnswer {
  return { ok: false, message, code: "EINVAL" };
}
