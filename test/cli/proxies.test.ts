import { expect, test } from "bun:test";
import { scrubProxies } from "../../src/commands/proxies.ts";

const environment = () => ({ http_proxy: "x", NO_PROXY: "y", PATH: "/bin" }) as NodeJS.ProcessEnv;

test("proxies are taken out of the environment, whatever their case, and nothing else", () => {
  const env = environment();
  scrubProxies(false, env);
  expect(env).toEqual({ PATH: "/bin" });
});

test("they stay when they are allowed, or when the environment says that they are", () => {
  const allowed = environment();
  scrubProxies(true, allowed);
  expect(allowed).toEqual(environment());
  const told: NodeJS.ProcessEnv = { ...environment(), DAOS_DISABLE_PROXY_SCRUB: "true" };
  scrubProxies(false, told);
  expect(told["http_proxy"]).toBe("x");
  const wrong: NodeJS.ProcessEnv = { ...environment(), DAOS_DISABLE_PROXY_SCRUB: "perhaps" };
  scrubProxies(false, wrong);
  expect(wrong["http_proxy"]).toBeUndefined();
});
