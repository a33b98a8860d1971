import type { DescMessage, DescMethodUnary } from "@bufbuild/protobuf";

/**
 * A unary RPC by name and messages. The generated service descriptors would pull in every message of
 * the service at start-up; a command needs two of them.
 */
export function unary<I extends DescMessage, O extends DescMessage>(
  service: "mgmt.MgmtSvc" | "ctl.CtlSvc",
  name: string,
  input: I,
  output: O,
): DescMethodUnary<I, O> {
  const method = {
    kind: "rpc",
    methodKind: "unary",
    name,
    localName: name.charAt(0).toLowerCase() + name.slice(1),
    parent: { kind: "service", typeName: service, name: service.slice(service.indexOf(".") + 1) },
    input,
    output,
    toString: () => `rpc ${service}.${name}`,
  };
  // The transport reads only what stands above (transport.test.ts holds it to that).
  return method as unknown as DescMethodUnary<I, O>;
}
