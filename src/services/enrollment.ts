import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { z } from "zod";
import { errorText, Fault } from "../faults/fault.ts";
import { RpcCode, RpcError } from "../faults/rpc.ts";
import type { Logger } from "../log/logger.ts";
import { type CertificateAuthority, certify, requireHostName } from "../security/certificates.ts";
import { requestedKey } from "../security/request.ts";
import { isComponent } from "../security/roles.ts";
import { isTokenId } from "../security/tokens.ts";
import type { Doorstep } from "./listener.ts";
import type { Peer } from "./peer.ts";

/**
 * How a node without a certificate gets one. It asks twice, in JSON, over TLS without a certificate of its own:
 * for the CAs, by whose hash in its token it knows the system, and then, on the same connection, for a certificate.
 */
export const authorityPath = "/daosctl.Enrollment/Authority";
export const certificatePath = "/daosctl.Enrollment/Certificate";

export const certificateRequest = z.object({
  tokenId: z.string().max(64),
  secret: z.string().max(128),
  /** PEM; the key it is for never leaves the node. */
  request: z.string().max(16 << 10),
  node: z.string().min(1).max(253),
  hostNames: z.array(z.string().max(253)).max(32),
});

export const certificateAnswer = z.object({
  component: z.enum(["server", "agent"]),
  certificate: z.string(),
  authorities: z.string(),
  /** Certificates of shared keys that vouch for users, by file name: for a server's client_cert_dir. */
  clients: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.crt$/), z.string()),
});
export type CertificateAnswer = z.infer<typeof certificateAnswer>;

export interface EnrollmentOptions {
  /** PEM of the CAs that the system trusts. */
  readonly authorities: () => string;
  /** Read anew for each certificate, so that a change of CA needs no restart. @throws Fault */
  readonly authority: () => Promise<CertificateAuthority>;
  /** Uses a token up, durably. Gives what it is good for. @throws what the caller is to be told */
  readonly redeem: (use: {
    readonly id: string;
    readonly secret: string;
    readonly node: string;
    readonly address: string;
  }) => Promise<string>;
  readonly clients: () => Promise<Readonly<Record<string, string>>>;
  readonly log: Logger;
  /** Requests at once, and a second after that: from one address, and from all. */
  readonly rate?: EnrollmentRate;
  readonly days?: number;
}

export interface EnrollmentRate {
  readonly burst: number;
  readonly perSecond: number;
  readonly burstInAll: number;
  readonly perSecondInAll: number;
}

const defaultRate: EnrollmentRate = { burst: 20, perSecond: 1, burstInAll: 200, perSecondInAll: 20 };
const maxBodyBytes = 32 << 10;
const receiveTimeoutMs = 10_000;

/** Answers strangers; everything they may ask is here. */
export function createEnrollment(options: EnrollmentOptions): Doorstep {
  const { log } = options;
  const mayAsk = rateLimit(options.rate ?? defaultRate);

  async function issue(peer: Peer, body: string): Promise<CertificateAnswer> {
    const asked = certificateRequest.parse(parseJson(body));
    if (!isTokenId(asked.tokenId)) throw new BadRequest("the token is malformed");
    // All that can be wrong with the request is found before the token is used up.
    let key: CryptoKey;
    try {
      requireHostName(asked.node);
      for (const name of asked.hostNames) requireHostName(name);
      key = await requestedKey(asked.request);
    } catch (error) {
      throw new BadRequest(errorText(error));
    }
    const authority = await options.authority();
    const component = await options.redeem({
      id: asked.tokenId,
      secret: asked.secret,
      node: asked.node,
      address: peer.addr,
    });
    if (!isComponent(component) || component === "admin") {
      throw new Error(`a token for "${component}" cannot be redeemed here`);
    }
    const { node, hostNames } = asked;
    const certificate = await certify(authority, component, key, { node, hostNames, days: options.days });
    log.notice(
      `audit: certificate of ${component} issued to node ${node} at ${peer.addr} with token ${asked.tokenId}`,
    );
    return {
      component,
      certificate,
      authorities: options.authorities(),
      clients: component === "server" ? { ...(await options.clients()) } : {},
    };
  }

  return (peer, stream, headers) => {
    const path = headers[":path"];
    if (path !== authorityPath && path !== certificatePath) return false;
    stream.on("error", () => stream.destroy());
    if (headers[":method"] !== "POST") {
      reply(stream, 405, { error: "POST" });
      return true;
    }
    if (!mayAsk(hostOf(peer.addr))) {
      reply(stream, 429, { error: "too many requests: come again later" });
      return true;
    }
    if (path === authorityPath) {
      reply(stream, 200, { authorities: options.authorities() });
      return true;
    }
    receive(stream, headers)
      .then((body) => issue(peer, body))
      .then(
        (answer) => reply(stream, 200, answer),
        (error: unknown) => {
          const { status, text } = refusal(error);
          log.notice(`audit: certificate refused to ${peer.addr}: ${text}`);
          // What went wrong within the system is for its log, not for strangers.
          reply(stream, status, {
            error: status === 503 ? "the server cannot issue certificates now" : text,
          });
        },
      );
    return true;
  };
}

/** What the stranger itself did wrong. */
class BadRequest extends Error {}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequest("the request is no JSON");
  }
}

function refusal(error: unknown): { status: number; text: string } {
  if (error instanceof BadRequest) return { status: 400, text: error.message };
  if (error instanceof z.ZodError) {
    return {
      status: 400,
      text: `malformed request: ${error.issues.map(({ path }) => path.join(".")).join(", ")}`,
    };
  }
  if (error instanceof RpcError && error.code === RpcCode.PermissionDenied) {
    return { status: 403, text: error.message };
  }
  return { status: 503, text: error instanceof Fault ? error.description : errorText(error) };
}

function receive(stream: ServerHttp2Stream, _headers: IncomingHttpHeaders): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(
      () => reject(new BadRequest("the request did not arrive in time")),
      receiveTimeoutMs,
    );
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
      else reject(new BadRequest("the request is too large"));
    });
    stream.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    stream.on("close", () => {
      clearTimeout(timer);
      reject(new BadRequest("the caller has given up"));
    });
  });
}

function reply(stream: ServerHttp2Stream, status: number, document: object): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify(document));
  if (!stream.readableEnded) stream.resume();
}

function hostOf(addr: string): string {
  return addr.slice(0, addr.lastIndexOf(":"));
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A bucket for each address and one for all; addresses are forgotten when their buckets are full again. */
function rateLimit(rate: EnrollmentRate): (host: string) => boolean {
  const maxHosts = 10_000;
  const buckets = new Map<string, Bucket>();
  const all: Bucket = { tokens: rate.burstInAll, atMs: performance.now() };
  const fill = (bucket: Bucket, burst: number, perSecond: number): void => {
    const now = performance.now();
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = now;
  };
  return (host) => {
    let bucket = buckets.get(host);
    if (bucket === undefined) {
      if (buckets.size >= maxHosts) buckets.clear();
      bucket = { tokens: rate.burst, atMs: performance.now() };
      buckets.set(host, bucket);
    }
    fill(bucket, rate.burst, rate.perSecond);
    fill(all, rate.burstInAll, rate.perSecondInAll);
    // One that floods takes nothing from what is there for all.
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    if (all.tokens < 1) return false;
    all.tokens--;
    return true;
  };
}
