/** Who may stand at the other end: the CN of its certificate (2.6: security components). */
export type Component = "admin" | "agent" | "server";

const components: ReadonlySet<string> = new Set<Component>(["admin", "agent", "server"]);

/** Narrows a name from a certificate or header. */
export function isComponent(name: string | undefined): name is Component {
  return name !== undefined && components.has(name);
}

/** Who a verified certificate stands for: its common name says so. */
export function componentFromCommonName(commonName: string | undefined): Component | "unknown" {
  return isComponent(commonName) ? commonName : "unknown";
}
