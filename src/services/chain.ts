import { create, fromBinary, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { causeOf } from "../faults/cause.ts";
import { daosStatusError } from "../faults/daos-status.ts";
import { errorText } from "../faults/fault.ts";
import { RpcCode, RpcError, rpcCodeName } from "../faults/rpc.ts";
import { faultWrongSystem } from "../faults/server.ts";
import { NotLeaderError, NotReplicaError, UnavailableError, UninitializedError } from "../faults/system.ts";
import { statusFromError } from "../faults/wire.ts";
import type { Logger } from "../log/logger.ts";
import { parseSystemField } from "../security/interop.ts";
import { isComponent } from "../security/roles.ts";
import { changesSomething, oneLine, subjectOf } from "./audit.ts";
import { encodeAnswer } from "./encode-once.ts";
import type { CallContext, Component } from "./method.ts";
import type { RpcMethod } from "./service.ts";
import { checkVersion } from "./version.ts";

/** One call, before it is known whether it may be made. */
export interface IncomingCall {
  readonly method: RpcMethod;
  /** The verified certificate's component; undefined when the transport is insecure. */
  readonly certified: Component | "unknown" | undefined;
  /** The node its certificate was made for alone, if it was. */
  readonly node?: string | undefined;
  /** Values of the x-daos-component and x-daos-version headers. */
  readonly componentHeader: string | undefined;
  readonly versionHeader: string | undefined;
  readonly peerAddr: string;
  /** Is the caller still who it was when it connected? @throws Fault 903 */
  admit(): void;
  /** Made when first asked for. */
  readonly signal: AbortSignal;
}

export interface Chain {
  /** Decodes, checks, runs and encodes. @throws what the caller is to be told, see faults/wire.ts. */
  run(call: IncomingCall, request: Uint8Array): Promise<Uint8Array>;
  /** The same for a transport that decodes by itself. */
  runMessage(call: IncomingCall, request: Message): Promise<Message>;
}

/** Is told of every call when it ends, with the name of its status code. */
export type CallObserver = (method: string, code: string, seconds: number) => void;

export interface ChainOptions {
  readonly systemName: string;
  readonly log: Logger;
  readonly observe?: CallObserver | undefined;
}

/**
 * What every call passes through, whatever transport it came by: may this component call this method, is its
 * version compatible, is it for this system; then the handler; then a DAOS status in the answer becomes an error,
 * and one line goes to the log.
 */
export function createChain(options: ChainOptions): Chain {
  const { systemName, log, observe } = options;

  async function invoke(
    call: IncomingCall,
    decode: () => Message,
    tell: (request: Message) => void,
  ): Promise<Message> {
    const { method } = call;
    call.admit();
    checkAccess(call);
    const request = decode();
    tell(request);
    const sys = method.hasSystemField ? (request as Message & { readonly sys: string }).sys : undefined;
    const caller = checkVersion(call, sys);
    if (sys !== undefined && method.checksSystem) {
      const { name } = parseSystemField(sys);
      if (name !== systemName) throw faultWrongSystem(name, systemName);
    }
    const answer = (await method.handle(request, callContext(call, caller))) as MessageInitShape<
      typeof method.desc.output
    >;
    if (method.hasStatusField) {
      const status = (answer as { readonly status?: number }).status ?? 0;
      if (status !== 0) throw daosStatusError(status);
    }
    return create(method.desc.output, answer);
  }

  async function logged<T>(
    call: IncomingCall,
    work: (tell: (request: Message) => void) => Promise<T>,
  ): Promise<T> {
    const startMs = performance.now();
    const audited = changesSomething(call.method);
    let request: Message | undefined;
    const tell = (message: Message): void => {
      request = message;
    };
    try {
      const answer = await work(tell);
      ended(call, "OK", startMs);
      const line = callLine(call, startMs, subjectOf(request), "ok");
      if (audited) audit(call, line);
      else log.debug(line);
      return answer;
    } catch (error) {
      if (observe !== undefined) ended(call, rpcCodeName(statusFromError(error).code), startMs);
      const line = callLine(call, startMs, subjectOf(request), `failed: ${oneLine(errorText(error))}`);
      // A replica that is not the leader says so all day long: that is how callers find the leader.
      if (isExpected(error)) log.debug(line);
      else log.error(audited ? `audit: ${line}` : line);
      throw error;
    }
  }

  function ended(call: IncomingCall, code: string, startMs: number): void {
    observe?.(call.method.path, code, (performance.now() - startMs) / 1000);
  }

  /** People's changes stand out from what servers and agents do by themselves. */
  function audit(call: IncomingCall, line: string): void {
    const byPerson = (call.certified ?? call.componentHeader) === "admin";
    if (byPerson) log.notice(`audit: ${line}`);
    else log.info(`audit: ${line}`);
  }

  return {
    run: (call, request) =>
      logged(call, async (tell) => {
        const answer = await invoke(call, () => decodeRequest(call.method, request), tell);
        return encodeAnswer(call.method.desc.output, answer);
      }),
    runMessage: (call, request) => logged(call, (tell) => invoke(call, () => request, tell)),
  };
}

function decodeRequest(method: RpcMethod, request: Uint8Array): Message {
  try {
    return fromBinary(method.desc.input, request);
  } catch (error) {
    throw new RpcError(RpcCode.Internal, `grpc: error unmarshalling request: ${errorText(error)}`);
  }
}

/** Roles are a matter of certificates: without them 2.6 lets everybody call everything. */
function checkAccess(call: IncomingCall): void {
  const { certified, method } = call;
  if (certified === undefined) return;
  if (certified !== "unknown" && method.roles.includes(certified)) return;
  const who = certified === "unknown" ? "undefined" : certified;
  const refusal = new RpcError(
    RpcCode.PermissionDenied,
    `${who} does not have permission to call ${method.path}`,
  );
  throw new RpcError(
    RpcCode.PermissionDenied,
    `access denied for *${method.desc.input.typeName}: ${refusal.message}`,
  );
}

function callContext(call: IncomingCall, caller: CallContext["caller"]): CallContext {
  return {
    method: call.method.path,
    caller,
    peerAddr: call.peerAddr,
    get signal() {
      return call.signal;
    },
  };
}

function callLine(call: IncomingCall, startMs: number, subject: string, outcome: string): string {
  // Without certificates the caller says itself who it is.
  const who = call.certified ?? (isComponent(call.componentHeader) ? call.componentHeader : "unknown");
  const node = call.node === undefined ? "" : ` of node ${call.node}`;
  const tookMs = (performance.now() - startMs).toFixed(1);
  return `rpc ${call.method.path} from ${who}${node} at ${call.peerAddr}:${subject} ${outcome} (${tookMs} ms)`;
}

function isExpected(error: unknown): boolean {
  const cause = causeOf(error);
  return (
    cause instanceof NotLeaderError ||
    cause instanceof NotReplicaError ||
    cause instanceof UninitializedError ||
    cause instanceof UnavailableError
  );
}
