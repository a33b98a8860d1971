import { open, stat } from "node:fs/promises";
import { labFault } from "./error.ts";
import type { LabLayout } from "./layout.ts";
import type { LabRecord } from "./record.ts";
import { pause } from "./wait.ts";

export interface LogFile {
  /** "s0", "s0.engine0", "s0.output", "agent", "agent.output". */
  readonly name: string;
  readonly path: string;
}

/** Lines of each log that are shown at first. */
const lineCount = 20;
/** Enough for them. */
const tailBytes = 64 * 1024;
/** How often logs are looked at for more. */
const followMs = 200;

/** All logs of a lab. */
export function logFiles(layout: LabLayout, record: LabRecord): LogFile[] {
  const files: LogFile[] = [];
  for (let index = 0; index < record.servers; index++) {
    const server = layout.server(index);
    files.push({ name: server.name, path: server.log });
    for (let engine = 0; engine < record.engines; engine++) {
      files.push({ name: `${server.name}.engine${engine}`, path: server.engineLog(engine) });
    }
    files.push({ name: `${server.name}.output`, path: server.output });
  }
  files.push({ name: "agent", path: layout.agent.log }, { name: "agent.output", path: layout.agent.output });
  return files;
}

/**
 * The logs that `name` means: all without one; else that one, or those of its server ("s0").
 * @throws Fault for a name that is none.
 */
export function chooseLogs(files: readonly LogFile[], name: string | undefined): LogFile[] {
  if (name === undefined) return files.filter((file) => !file.name.endsWith(".output"));
  const chosen = files.filter((file) => file.name === name || file.name.startsWith(`${name}.`));
  if (chosen.length > 0) return chosen;
  throw labFault(`there is no log "${name}"`, `logs: ${files.map((file) => file.name).join(", ")}`);
}

/** Whole text from `from` on, and where it ends. A file that has become shorter is read from its start. */
async function readFrom(path: string, from: number): Promise<{ text: string; end: number }> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  const start = size < from ? 0 : from;
  if (size === start) return { text: "", end: size };
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return { text: buffer.subarray(0, bytesRead).toString("utf8"), end: start + bytesRead };
  } finally {
    await file.close();
  }
}

/** Shows the ends of the logs, and with a signal goes on showing what is added until it is aborted. */
export async function showLogs(
  files: readonly LogFile[],
  write: (text: string) => void,
  follow?: AbortSignal,
): Promise<void> {
  let shown: string | undefined;
  const show = (file: LogFile, text: string) => {
    if (text === "") return;
    if (shown !== file.name) write(`${shown === undefined ? "" : "\n"}==> ${file.name}: ${file.path} <==\n`);
    shown = file.name;
    write(text.endsWith("\n") ? text : `${text}\n`);
  };
  const ends = new Map<string, number>();
  for (const file of files) {
    const size = (await stat(file.path).catch(() => undefined))?.size ?? 0;
    const { text, end } = await readFrom(file.path, Math.max(0, size - tailBytes));
    ends.set(file.path, end);
    show(file, text.trimEnd().split("\n").slice(-lineCount).join("\n"));
  }
  if (follow === undefined) return;
  while (!follow.aborted) {
    for (const file of files) {
      const { text, end } = await readFrom(file.path, ends.get(file.path) ?? 0);
      ends.set(file.path, end);
      show(file, text);
    }
    await pause(followMs, follow).catch(() => undefined); // aborted: the loop ends
  }
}
