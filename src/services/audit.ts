import type { Message } from "@bufbuild/protobuf";
import type { RpcMethod } from "./service.ts";

/**
 * Methods that change nothing, by path; every other call leaves a line in the log that says who made it, from where, of
 * what, and how it ended. A method that is not in this table is taken for one that changes something.
 */
const readOnly: ReadonlySet<string> = new Set([
  "/ctl.CtlSvc/CollectLog",
  "/ctl.CtlSvc/FirmwareQuery",
  "/ctl.CtlSvc/NetworkScan",
  "/ctl.CtlSvc/SmdQuery",
  "/ctl.CtlSvc/StorageScan",
  "/daosctl.ReplicaSvc/ReplicaState",
  "/daosctl.TokenSvc/TokenList",
  "/mgmt.MgmtSvc/GetAttachInfo",
  "/mgmt.MgmtSvc/LeaderQuery",
  "/mgmt.MgmtSvc/ListContainers",
  "/mgmt.MgmtSvc/ListPools",
  "/mgmt.MgmtSvc/PoolGetACL",
  "/mgmt.MgmtSvc/PoolGetProp",
  "/mgmt.MgmtSvc/PoolQuery",
  "/mgmt.MgmtSvc/PoolQueryTarget",
  "/mgmt.MgmtSvc/SystemCheckGetPolicy",
  "/mgmt.MgmtSvc/SystemCheckQuery",
  "/mgmt.MgmtSvc/SystemGetAttr",
  "/mgmt.MgmtSvc/SystemGetProp",
  "/mgmt.MgmtSvc/SystemQuery",
]);

export function changesSomething(method: RpcMethod): boolean {
  return !readOnly.has(method.path);
}

/** Fields that name what a call is about. Only these are written: a field that may be a secret is not among them. */
const telling: readonly string[] = [
  "id",
  "uuid",
  "label",
  "rank",
  "ranks",
  "hosts",
  "addr",
  "component",
  "node",
  "machine",
  "principal",
  "force",
  "reformat",
  "recursive",
  "seconds",
];
const maxValueLength = 128;

/** " id=\"tank\" force=true": what a request is about. */
export function subjectOf(request: Message | undefined): string {
  if (request === undefined) return "";
  const fields = request as Message & Readonly<Record<string, unknown>>;
  let text = "";
  for (const name of telling) {
    const value = fields[name];
    if (typeof value === "string" && value !== "") text += ` ${name}=${quoted(value)}`;
    else if (typeof value === "number" && value !== 0) text += ` ${name}=${value}`;
    else if (value === true) text += ` ${name}=true`;
  }
  return text;
}

/** A caller's text as one word of a line: cut, and nothing in it can begin another line. */
export function quoted(text: string): string {
  const cut = text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text;
  return JSON.stringify(cut);
}

/** An error's text within a line: it may repeat what a caller wrote. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
