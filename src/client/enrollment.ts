import { X509Certificate } from "node:crypto";
import http2, { type ClientHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { z } from "zod";
import { commonNameOf } from "../security/facts.ts";
import { isCurrent, isSignedBy, parseAll } from "../security/load.ts";
import { strangerTlsOptions } from "../security/tls.ts";
import { type JoinToken, pinOf } from "../security/tokens.ts";
import {
  authorityPath,
  type CertificateAnswer,
  certificateAnswer,
  certificatePath,
} from "../services/enrollment.ts";
import { connectionFault } from "./connection-fault.ts";

export interface EnrollmentRequest {
  readonly token: JoinToken;
  /** PEM of the signing request. */
  readonly request: string;
  readonly node: string;
  readonly hostNames: readonly string[];
  readonly timeoutMs: number;
}

/**
 * Gets a certificate of a running system for a node that has none. The token's secret is sent only once the server has
 * shown that it is of the system whose CA the token names.
 * @throws Error that says why not; Faults 504 to 508 when the server cannot be reached
 */
export async function enroll(hostPort: string, asked: EnrollmentRequest): Promise<CertificateAnswer> {
  const { token, timeoutMs } = asked;
  const session = http2.connect(`https://${hostPort}`, strangerTlsOptions());
  const failed = new Promise<never>((_resolve, reject) => {
    const fail = (error: Error) => reject(connectionFault(error, hostPort, { insecure: true }));
    session.on("error", fail);
    session.on("close", () => fail(new Error("the connection was closed")));
    const timer = setTimeout(
      () => fail(new DOMException(`no answer within ${timeoutMs} ms`, "TimeoutError")),
      timeoutMs,
    );
    session.on("close", () => clearTimeout(timer));
  });
  failed.catch(() => undefined);
  try {
    const conversation = async (): Promise<CertificateAnswer> => {
      const { authorities } = z
        .object({ authorities: z.string() })
        .parse(await post(session, authorityPath, {}));
      verifyServer(session, hostPort, authorities, token);
      const answer = await post(session, certificatePath, {
        tokenId: token.id,
        secret: token.secret,
        request: asked.request,
        node: asked.node,
        hostNames: asked.hostNames,
      });
      return certificateAnswer.parse(answer);
    };
    return await Promise.race([conversation(), failed]);
  } finally {
    session.destroy();
  }
}

/** The server's certificate must be that of a server, of a CA that the token names. @throws Error */
function verifyServer(
  session: ClientHttp2Session,
  hostPort: string,
  authorities: string,
  token: JoinToken,
): void {
  const raw = (session.socket as TLSSocket).getPeerCertificate(false)?.raw;
  if (raw === undefined) throw new Error(`${hostPort} showed no certificate`);
  const leaf = new X509Certificate(raw);
  const pinned = parseAll(hostPort, authorities).filter(
    (ca) => ca.ca && isCurrent(ca) && token.pins.includes(pinOf(ca)),
  );
  if (pinned.length === 0) {
    throw new Error(`${hostPort} is not of the system that the token is of: its CA is another`);
  }
  if (!isSignedBy(leaf, pinned, []) || !isCurrent(leaf)) {
    throw new Error(
      `${hostPort} is not of the system that the token is of: its certificate is not of that CA`,
    );
  }
  const name = commonNameOf(leaf);
  if (name !== "server") throw new Error(`${hostPort} showed the certificate of "${name}", not of a server`);
}

function post(session: ClientHttp2Session, path: string, document: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
    const chunks: Buffer[] = [];
    let status = 0;
    let type = "";
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      type = String(headers["content-type"] ?? "");
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      if (type !== "application/json") {
        reject(new Error("this server issues no certificates: it was not started with --join-ca-key"));
        return;
      }
      try {
        const answer: unknown = JSON.parse(text);
        if (status === 200) resolve(answer);
        else reject(new Error(z.object({ error: z.string() }).parse(answer).error));
      } catch (error) {
        reject(error as Error);
      }
    });
    stream.end(JSON.stringify(document));
  });
}
