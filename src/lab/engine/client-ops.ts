import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrpcModule, SecMethod } from "../../drpc/methods.ts";
import {
  CredentialSchema,
  Flavor,
  SysSchema,
  ValidateCredReqSchema,
  ValidateCredRespSchema,
} from "../../gen/security/auth_pb.ts";
import { type Identity, permissionsOf } from "./access.ts";
import { Der, DerError } from "./der.ts";
import type { Engine } from "./engine.ts";
import type { FabricHandler } from "./fabric.ts";
import type { Pool, PoolHandle } from "./pool.ts";

/**
 * Requests of the emulated client: what libdaos asks of engines to connect to a pool and to make containers,
 * so that handles, evictions and container commands can be tried in a lab.
 */
export interface ConnectRequest {
  /** Label or UUID. */
  readonly pool: string;
  readonly handle: string;
  /** auth.Credential as the agent signed it, base64. */
  readonly credential: string;
}

export interface ConnectAnswer {
  readonly uuid: string;
  readonly replicas: readonly number[];
}

export interface HandleRequest {
  readonly uuid: string;
  readonly replicas: readonly number[];
  readonly handle: string;
}

export interface CreateContainerRequest extends HandleRequest {
  readonly container: string;
  readonly label: string;
  readonly usedBytes: bigint;
}

export interface DestroyContainerRequest extends HandleRequest {
  /** Label or UUID. */
  readonly container: string;
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The server says whether the agent's signature is good; the token it hands back says who it is. */
async function identify(engine: Engine, credential: string): Promise<Identity> {
  const cred = fromBinary(CredentialSchema, Buffer.from(credential, "base64"));
  const body = toBinary(ValidateCredReqSchema, create(ValidateCredReqSchema, { cred }));
  const answer = fromBinary(
    ValidateCredRespSchema,
    await engine.upcalls.call(DrpcModule.SEC, SecMethod.VALIDATE_CREDS, body),
  );
  if (answer.status !== 0) throw new DerError(answer.status, "credential is not accepted");
  if (answer.token?.flavor !== Flavor.AUTH_SYS) throw new DerError(Der.INVAL, "token is not of AUTH_SYS");
  const { user, group, groups, machinename } = fromBinary(SysSchema, answer.token.data);
  return { user, group, groups, machine: machinename };
}

async function find(engine: Engine, pool: string): Promise<ConnectAnswer> {
  if (!uuidPattern.test(pool)) return engine.upcalls.findPoolByLabel(pool);
  const uuid = pool.toLowerCase();
  return { uuid, replicas: await engine.upcalls.poolReplicas(uuid) };
}

/** @throws DerError DER_NO_HDL for an unknown handle, DER_NO_PERM when it allows none of `letters` */
function allowed(pool: Pool, handle: string, letters: string): PoolHandle {
  const held = pool.handles.find((h) => h.uuid === handle);
  if (held === undefined) throw new DerError(Der.NO_HDL, `pool ${pool.uuid} has no handle ${handle}`);
  if (![...letters].some((letter) => held.permissions.includes(letter))) {
    throw new DerError(Der.NO_PERM, `${held.user} has "${held.permissions}" in pool ${pool.uuid}`);
  }
  return held;
}

export function clientHandlers(engine: Engine): Record<string, FabricHandler> {
  const { services } = engine;
  const read = async ({ uuid, replicas }: HandleRequest) =>
    (await services.call(uuid, replicas, { op: "read" })).pool;
  return {
    async "client.connect"(body): Promise<ConnectAnswer> {
      const { pool, handle, credential } = body as ConnectRequest;
      const { uuid, replicas } = await find(engine, pool);
      const who = await identify(engine, credential);
      const { pool: document } = await services.call(uuid, replicas, { op: "read" });
      const permissions = permissionsOf(document, who);
      if (!permissions.includes("r"))
        throw new DerError(Der.NO_PERM, `${who.user} may not read pool ${pool}`);
      await services.call(uuid, replicas, {
        op: "connect",
        handle: { uuid: handle, machine: who.machine, user: who.user, group: who.group, permissions },
      });
      return { uuid, replicas };
    },
    async "client.disconnect"(body) {
      const { uuid, replicas, handle } = body as HandleRequest;
      await services.call(uuid, replicas, { op: "disconnect", handle });
      return {};
    },
    async "client.list"(body) {
      const request = body as HandleRequest;
      const pool = await read(request);
      allowed(pool, request.handle, "r");
      return pool.containers;
    },
    async "client.create"(body) {
      const request = body as CreateContainerRequest;
      const held = allowed(await read(request), request.handle, "wc");
      const { container: uuid, label, usedBytes } = request;
      await services.call(request.uuid, request.replicas, {
        op: "create-container",
        container: { uuid, label, owner: held.user, ownerGroup: held.group, usedBytes },
      });
      return {};
    },
    async "client.destroy"(body) {
      const request = body as DestroyContainerRequest;
      const pool = await read(request);
      allowed(pool, request.handle, "wd");
      const chosen = pool.containers.find(
        (c) => c.uuid === request.container || c.label === request.container,
      );
      if (chosen === undefined) throw new DerError(Der.NONEXIST, `no container ${request.container}`);
      await services.call(request.uuid, request.replicas, { op: "destroy-container", uuid: chosen.uuid });
      return {};
    },
  };
}
