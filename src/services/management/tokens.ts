import { z } from "zod";
import { RpcCode, RpcError } from "../../faults/rpc.ts";
import type { TokenSvc } from "../../gen/token/token_pb.ts";
import { isTokenId, sameHash } from "../../security/tokens.ts";
import { serviceValue, serviceValueChange, serviceValues } from "../../system/attributes.ts";
import type { Change, SystemState } from "../../system/types.ts";
import type { ServiceImpl } from "../method.ts";
import type { Core } from "./core.ts";

/** How a token is kept, as JSON; its secret is nowhere. Times are milliseconds since 1970. */
const storedToken = z.object({
  /** SHA-256, hexadecimal. */
  hash: z.string(),
  component: z.enum(["server", "agent"]),
  node: z.string(),
  createdMs: z.number(),
  expiresMs: z.number(),
  creator: z.string(),
  usedMs: z.number().optional(),
  usedBy: z.string().optional(),
});
type StoredToken = z.infer<typeof storedToken>;

const prefix = "join_token.";
/** A token is for work at hand. */
const maxSeconds = 7 * 24 * 3600;
/** A token that is over is listed so long still: who used it, and when. */
const keepMs = 7 * 24 * 3600_000;
const maxTokens = 1000;

function tokensOf(state: SystemState): Map<string, StoredToken> {
  const found = serviceValues(state, prefix);
  return new Map([...found].map(([id, text]) => [id, storedToken.parse(JSON.parse(text))]));
}

function put(id: string, token: StoredToken): Change {
  return serviceValueChange(prefix + id, JSON.stringify(token));
}

function overSinceMs({ usedMs, expiresMs }: StoredToken): number {
  return usedMs ?? expiresMs;
}

/**
 * daosctl.TokenSvc. Everything is a decision of the leader's journal: a use is durable before it is answered, and of two
 * servers that redeem a token at once one is refused, over restarts and changes of leader alike.
 */
export function tokenMethods(core: Core): ServiceImpl<typeof TokenSvc> {
  const nowMs = () => core.deps.now().getTime();

  return {
    tokenCreate: {
      roles: ["admin"],
      async handle({ id, secretHash, component, seconds, node }, { peerAddr }) {
        if (!isTokenId(id)) throw invalid("malformed token id");
        if (secretHash.length !== 32) throw invalid("the hash of the secret must have 32 bytes");
        if (component !== "server" && component !== "agent") {
          throw invalid(`tokens are for servers and agents, not for "${component}"`);
        }
        if (seconds < 1 || seconds > maxSeconds) {
          throw invalid(`a token lives for 1 to ${maxSeconds} seconds, not for ${seconds}`);
        }
        if (node.length > 253) throw invalid("the name of the node is too long");
        const createdMs = nowMs();
        const expiresMs = createdMs + seconds * 1000;
        await core.decide((state) => {
          const tokens = tokensOf(state);
          const gone = [...tokens].filter(([, token]) => overSinceMs(token) + keepMs < createdMs);
          if (tokens.has(id)) throw new RpcError(RpcCode.AlreadyExists, "there is a token of this id");
          if (tokens.size - gone.length >= maxTokens) {
            throw new RpcError(RpcCode.ResourceExhausted, `there are ${maxTokens} tokens: revoke some`);
          }
          const hash = Buffer.from(secretHash).toString("hex");
          const token: StoredToken = { hash, component, node, createdMs, expiresMs, creator: peerAddr };
          const changes = [...gone.map(([old]) => serviceValueChange(prefix + old, "")), put(id, token)];
          return { changes, answer: undefined };
        });
        return { expires: seconds1970(expiresMs) };
      },
    },
    tokenList: {
      roles: ["admin"],
      async handle() {
        const tokens = tokensOf(core.leader({ whileChecking: true }));
        return {
          tokens: [...tokens]
            .sort(([, a], [, b]) => a.createdMs - b.createdMs)
            .map(([id, token]) => ({
              id,
              component: token.component,
              node: token.node,
              created: seconds1970(token.createdMs),
              expires: seconds1970(token.expiresMs),
              creator: token.creator,
              used: seconds1970(token.usedMs ?? 0),
              usedBy: token.usedBy ?? "",
            })),
        };
      },
    },
    tokenRevoke: {
      roles: ["admin"],
      async handle({ id }) {
        await core.decide((state) => {
          if (!isTokenId(id) || serviceValue(state, prefix + id) === undefined) {
            throw new RpcError(RpcCode.NotFound, "there is no token of this id");
          }
          return { changes: [serviceValueChange(prefix + id, "")], answer: undefined };
        });
        return {};
      },
    },
    tokenRedeem: {
      roles: ["server"],
      async handle({ id, secretHash, node, address }) {
        if (!isTokenId(id)) throw refused();
        const component = await core.decide((state) => {
          const token = tokensOf(state).get(id);
          const now = nowMs();
          // One answer for all of it: who guesses is told nothing.
          if (token === undefined || !sameHash(secretHash, Buffer.from(token.hash, "hex"))) throw refused();
          if (token.usedMs !== undefined) throw refused("it was used before");
          if (now >= token.expiresMs) throw refused("it has expired");
          if (token.node !== "" && token.node !== node) throw refused("it is for another node");
          const used = { ...token, usedMs: now, usedBy: `${node} at ${address}` };
          return { changes: [put(id, used)], answer: token.component };
        });
        return { component };
      },
    },
  };
}

function seconds1970(ms: number): bigint {
  return BigInt(Math.floor(ms / 1000));
}

function invalid(text: string): RpcError {
  return new RpcError(RpcCode.InvalidArgument, text);
}

function refused(why = "it is unknown"): RpcError {
  return new RpcError(RpcCode.PermissionDenied, `the token is not valid: ${why}`);
}
