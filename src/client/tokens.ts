import type { MessageShape } from "@bufbuild/protobuf";
import { type TokenInfoSchema, TokenSvc } from "../gen/token/token_pb.ts";
import { parseAll } from "../security/load.ts";
import { makeToken, secretHash, tokenText } from "../security/tokens.ts";
import type { ClientContext, DmgClient } from "./context.ts";
import { invokeLeader } from "./invoker.ts";

export interface NewToken {
  readonly component: "server" | "agent";
  readonly seconds: number;
  /** The one node that may use it, or "". */
  readonly node: string;
}

export interface CreatedToken {
  readonly id: string;
  /** The token itself; nobody can say it again. */
  readonly token: string;
  readonly expires: Date;
}

/**
 * Makes a token. Its secret is made here, and here alone it is known: the system gets a hash. It names the CAs that this
 * client trusts.
 * @throws Error on a system without certificates
 */
export async function createToken(client: DmgClient, wanted: NewToken): Promise<CreatedToken> {
  const { security } = client;
  if (security.insecure)
    throw new Error("a system without certificates (allow_insecure) has no use for tokens");
  const token = makeToken(parseAll(security.caPath, security.ca));
  const { expires } = await invokeLeader(
    TokenSvc.method.tokenCreate,
    client.hosts,
    { id: token.id, secretHash: secretHash(token.secret), ...wanted },
    client,
  );
  return { id: token.id, token: tokenText(token), expires: new Date(Number(expires) * 1000) };
}

export async function listTokens(client: DmgClient): Promise<MessageShape<typeof TokenInfoSchema>[]> {
  return (await invokeLeader(TokenSvc.method.tokenList, client.hosts, {}, client)).tokens;
}

export async function revokeToken(client: DmgClient, id: string): Promise<void> {
  await invokeLeader(TokenSvc.method.tokenRevoke, client.hosts, { id }, client);
}

/** Uses a token up, for a node at `address`. Gives what it is good for. @throws RpcError PermissionDenied */
export async function redeemToken(
  client: ClientContext,
  replicas: readonly string[],
  use: { readonly id: string; readonly secret: string; readonly node: string; readonly address: string },
): Promise<string> {
  const { id, secret, node, address } = use;
  const request = { id, secretHash: secretHash(secret), node, address };
  return (await invokeLeader(TokenSvc.method.tokenRedeem, replicas, request, client)).component;
}
