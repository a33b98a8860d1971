/**
 * Control configurations as nearly all are written: a key a line, hosts in brackets or with dashes. Loading
 * the YAML parser and running it once is about a tenth of the time of a short command (3 ms of 29), so what
 * is this plain is read here. Everything else, and every mistake, is left to the full reader, which knows
 * what to say of it; a test holds the two to the same meaning.
 */
import { defaultControlConfig } from "./defaults.ts";
import type { ControlConfig } from "./types.ts";

const plain = String.raw`[A-Za-z0-9/.][\w./:-]*(?<!:)`;
const quoted = String.raw`'[\w./:,[\]-]+'|"[\w./:,[\]-]+"`;
const scalarForm = new RegExp(`^(?:${plain}|${quoted})$`);
/** In a list with dashes, host sets stand without quotes too. */
const itemForm = new RegExp(String.raw`^(?:[A-Za-z0-9][\w./:,[\]-]*(?<!:)|${quoted})$`);
const flowItem = new RegExp(`${quoted}|${plain}`, "g");
const flowForm = new RegExp(String.raw`^\[ *(?:${plain}|${quoted})(?: *, *(?:${plain}|${quoted}))* *\]$`);
/** Words and numbers have meanings of their own, which the full reader knows. */
const meaningful = /^(?:null|true|false|yes|no|on|off|y|n|[\d.]+)$/i;
const portForm = /^[1-9]\d{0,4}$/;

const transportKeys = { ca_cert: "caCert", cert: "cert", key: "key" } as const;

/** The configuration that `text` spells plainly, or undefined when it takes the full reader to know. */
export function plainControlConfig(text: string, file: string): ControlConfig | undefined {
  const defaults = defaultControlConfig();
  const config: ControlConfig = { configPath: file, ...defaults };
  const transport = { ...defaults.transportConfig };
  const seen = new Set<string>();
  const hosts: string[] = [];
  let open: "hostlist" | "transport_config" | undefined;
  let indent: string | undefined;

  /** Whether the line under `hostlist:` or `transport_config:` belongs there and is plain. */
  const nested = (line: string): boolean => {
    const form = open === "hostlist" ? /^( *)- +(\S+)()$/ : /^( +)(\w+): +(\S+)$/;
    const parts = form.exec(line);
    if (open === undefined || parts === null) return false;
    indent ??= parts[1];
    if (indent !== parts[1]) return false;
    if (open === "hostlist") {
      const host = scalar(parts[2]!, itemForm);
      if (host !== undefined) hosts.push(host);
      return host !== undefined;
    }
    const [, , key = "", value = ""] = parts;
    if (seen.has(`.${key}`)) return false;
    seen.add(`.${key}`);
    if (key === "allow_insecure") {
      transport.allowInsecure = value === "true";
      return value === "true" || value === "false";
    }
    if (!Object.hasOwn(transportKeys, key)) return false;
    const path = scalar(value, scalarForm);
    if (path !== undefined) transport[transportKeys[key as keyof typeof transportKeys]] = path;
    return path !== undefined;
  };

  /** The same for a key at the start of a line. */
  const top = (key: string, value: string): boolean => {
    if (seen.has(key)) return false;
    seen.add(key);
    open = undefined;
    if (key === "name") {
      const name = scalar(value, scalarForm);
      if (name !== undefined) config.name = name;
      return name !== undefined && name.length <= 15;
    }
    if (key === "port") {
      config.port = Number(value);
      return portForm.test(value) && config.port <= 65_535;
    }
    if (value === "") {
      open = key === "hostlist" ? "hostlist" : "transport_config";
      indent = undefined;
      return true;
    }
    if (key !== "hostlist" || !flowForm.test(value)) return false;
    const items = (value.match(flowItem) ?? []).map((item) => scalar(item, scalarForm));
    for (const host of items) if (host !== undefined) hosts.push(host);
    return !items.includes(undefined);
  };

  for (const written of text.split("\n")) {
    const line = written.replace(/(?:^| +)#[\x20-\x7e]*$/, "").replace(/ +$/, "");
    if (line === "") continue;
    const key = /^(name|port|hostlist|transport_config):(?: +(.*))?$/.exec(line);
    if (key === null ? !nested(line) : !top(key[1]!, key[2] ?? "")) return undefined;
  }
  if (seen.has("transport_config") && ![...seen].some((key) => key.startsWith("."))) return undefined;
  if (seen.has("hostlist")) {
    if (hosts.length === 0) return undefined;
    config.hostlist = hosts;
  }
  config.transportConfig = transport;
  return seen.size === 0 ? undefined : config;
}

function scalar(value: string, form: RegExp): string | undefined {
  if (!form.test(value) || meaningful.test(value)) return undefined;
  return value.replace(/^(['"])(.*)\1$/, "$2");
}
