import { RpcCode, RpcError } from "../faults/rpc.ts";
import { faultIncompatibleComponents, faultNoCompatibilityInsecure } from "../faults/server.ts";
import {
  isCompatible,
  parseSystemField,
  parseVersion,
  sameVersion,
  versionText,
  wireVersion,
} from "../security/interop.ts";
import { isComponent } from "../security/roles.ts";
import type { IncomingCall } from "./chain.ts";
import type { Component } from "./method.ts";

const zero = { major: 0, minor: 0, patch: 0 };
const self = parseVersion(wireVersion) ?? zero;

/**
 * Who calls, once it is known that its version may be served.
 *
 * The headers say component and version; with certificates the component must also be the certificate's. Callers
 * from before the headers append their version to the request's `sys` field; without certificates these must be of
 * our very version, for their component is not known. A request that has neither is let through, as in 2.6.
 *
 * @throws Fault 616, 617; RpcError PermissionDenied when header and certificate disagree
 */
export function checkVersion(call: IncomingCall, sys: string | undefined): Component | "unknown" {
  const { certified } = call;
  const header = call.versionHeader === undefined ? undefined : call.componentHeader;
  if (header !== undefined) return checkHeaders(call, header, call.versionHeader ?? "");

  if (sys === undefined) return certified ?? "unknown";
  const version = parseSystemField(sys).version ?? zero;
  if (certified === undefined && !sameVersion(self, version)) {
    throw faultNoCompatibilityInsecure(versionText(self), versionText(version));
  }
  // 2.6 takes a caller of unknown component for a server, to which the strictest rules apply.
  requireCompatible(certified ?? "server", version);
  return certified ?? "unknown";
}

function checkHeaders(call: IncomingCall, component: string, versionHeader: string): Component | "unknown" {
  const version = parseVersion(versionHeader);
  if (version === undefined || (!isComponent(component) && component !== "")) {
    const what = version === undefined ? `version "${versionHeader}"` : `component "${component}"`;
    throw new Error(`failed to extract peer component/version from headers: invalid ${what}`);
  }
  const { certified } = call;
  if (certified !== undefined && certified !== component) {
    const cert = certified === "unknown" ? "undefined" : certified;
    const refusal = new RpcError(
      RpcCode.PermissionDenied,
      `component mismatch (req: "${component}" != cert: "${cert}")`,
    );
    throw new RpcError(
      RpcCode.PermissionDenied,
      `version check failed for *${call.method.desc.input.typeName}: ${refusal.message}`,
    );
  }
  // An empty name is 2.6's wildcard: the most lenient rule that fits is used.
  if (!isComponent(component)) {
    requireCompatible("agent", version);
    return "unknown";
  }
  requireCompatible(component, version);
  return component;
}

function requireCompatible(component: Component | "unknown", version: typeof zero): void {
  if (component !== "unknown" && isCompatible(self, component, version)) return;
  throw faultIncompatibleComponents(`server:${versionText(self)}`, `${component}:${versionText(version)}`);
}
