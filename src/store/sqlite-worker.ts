import { Fault } from "../faults/fault.ts";
import { openSqliteFile, type SqliteFile } from "./sqlite-file.ts";
import type { WorkerAnswer, WorkerRequest } from "./sqlite-messages.ts";

/**
 * The thread that owns the database file: an fsync may take tens of milliseconds, and the daemon's event
 * loop must not wait for it. One request at a time, answered in order.
 */
declare const self: Worker;

let file: SqliteFile | undefined;

function serve(request: WorkerRequest): WorkerAnswer {
  switch (request.kind) {
    case "open":
      file = openSqliteFile(request.dir);
      return { kind: "opened", term: file.term };
    case "load":
      return { kind: "loaded", records: opened().load() };
    case "commit":
      opened().commit(request.ops);
      return { kind: "done" };
    case "close":
      file?.close();
      file = undefined;
      return { kind: "done" };
  }
}

function opened(): SqliteFile {
  if (file === undefined) throw new Error("the database is not open");
  return file;
}

function failure(error: unknown): WorkerAnswer {
  if (error instanceof Fault) {
    const { domain, code, description, resolution, reason } = error;
    return { kind: "failed", fault: { domain, code, description, resolution, reason }, text: error.message };
  }
  return { kind: "failed", fault: undefined, text: error instanceof Error ? error.message : String(error) };
}

self.onmessage = (event: MessageEvent<WorkerRequest>) => {
  let answer: WorkerAnswer;
  try {
    answer = serve(event.data);
  } catch (error) {
    answer = failure(error);
  }
  self.postMessage(answer);
};
