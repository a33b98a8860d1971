const proxyVariables = ["http_proxy", "https_proxy", "ftp_proxy", "socks_proxy", "no_proxy"];

/** What Go's strconv.ParseBool takes for true. */
const TRUE = ["1", "t", "T", "TRUE", "true", "True"];

/**
 * Takes what says "use a proxy" out of the environment, so that neither we nor what we start (engines, helpers)
 * go by it: everything is reached directly. --allow-proxy leaves it, and so does DAOS_DISABLE_PROXY_SCRUB=true.
 */
export function scrubProxies(allowed: boolean, env: NodeJS.ProcessEnv = process.env): void {
  if (allowed || TRUE.includes(env["DAOS_DISABLE_PROXY_SCRUB"] ?? "")) return;
  for (const name of proxyVariables) {
    delete env[name];
    delete env[name.toUpperCase()];
  }
}
