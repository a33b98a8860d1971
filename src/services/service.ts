import type { DescMessage, DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { Component } from "../security/roles.ts";
import type { CallContext, ServiceImpl } from "./method.ts";

/** One method as the chain runs it: the types are erased, the facts it needs are worked out once. */
export interface RpcMethod {
  /** "/mgmt.MgmtSvc/SystemQuery". */
  readonly path: string;
  readonly desc: DescMethodUnary;
  readonly roles: readonly Component[];
  readonly handle: (request: Message, context: CallContext) => unknown;
  /** The request names the system it is for in a field `sys`, often with the caller's version. */
  readonly hasSystemField: boolean;
  /** A request for another system is refused; 2.6 does so in the management service alone. */
  readonly checksSystem: boolean;
  /** The answer carries a DAOS status in a field `status`; when it is not zero, 2.6 answers an error. */
  readonly hasStatusField: boolean;
}

/** A service and the methods of it that this build answers. */
export interface RpcService {
  readonly desc: DescService;
  /** By the name in the path ("SystemQuery"). */
  readonly methods: ReadonlyMap<string, RpcMethod>;
}

/**
 * Joins a service with its handlers. Methods without a handler answer `unimplemented`.
 * @throws Error when a handler stands beside no role: nobody could ever call it
 */
export function rpcService<S extends DescService>(desc: S, impl: ServiceImpl<S>): RpcService {
  const methods = new Map<string, RpcMethod>();
  for (const method of desc.methods) {
    const own = Object.hasOwn(impl, method.localName)
      ? (impl as Readonly<Record<string, ErasedImpl | undefined>>)[method.localName]
      : undefined;
    if (own === undefined || method.methodKind !== "unary") continue;
    const path = `/${desc.typeName}/${method.name}`;
    const hasSystemField = hasScalar(method.input, "sys", ScalarType.STRING);
    if (own.roles.length === 0) throw new Error(`${path}: no component may call it`);
    methods.set(method.name, {
      path,
      desc: method as DescMethodUnary,
      roles: own.roles,
      handle: (request, context) => own.handle(request, context),
      hasSystemField,
      checksSystem: hasSystemField && desc.typeName === managementService,
      hasStatusField: hasScalar(method.output, "status", ScalarType.INT32),
    });
  }
  return { desc, methods };
}

const managementService = "mgmt.MgmtSvc";

interface ErasedImpl {
  readonly roles: readonly Component[];
  handle(request: Message, context: CallContext): unknown;
}

function hasScalar(message: DescMessage, name: string, type: ScalarType): boolean {
  return message.fields.some((f) => f.name === name && f.fieldKind === "scalar" && f.scalar === type);
}

/** Finds methods by path; tells an unknown service from an unknown method as grpc-go does. */
export interface MethodTable {
  find(path: string): RpcMethod | { readonly unknown: string };
}

export function methodTable(services: readonly RpcService[]): MethodTable {
  const byPath = new Map<string, RpcMethod>();
  const names = new Set<string>();
  for (const service of services) {
    names.add(service.desc.typeName);
    for (const method of service.methods.values()) byPath.set(method.path, method);
  }
  return {
    find(path) {
      const method = byPath.get(path);
      if (method !== undefined) return method;
      const cut = path.lastIndexOf("/");
      const service = path.slice(1, Math.max(cut, 1));
      const unknown = names.has(service)
        ? `unknown method ${path.slice(cut + 1)} for service ${service}`
        : `unknown service ${service}`;
      return { unknown };
    },
  };
}
