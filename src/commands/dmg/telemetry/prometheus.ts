import { chmod, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { parse, stringify } from "yaml";
import { wrapError } from "../../../faults/cause.ts";
import type { Session } from "../session.ts";

/** Where servers offer their metrics unless told otherwise. */
const metricsPort = 9191;
const releaseUrl = "https://api.github.com/repos/prometheus/prometheus/releases/latest";
const platform = process.arch === "arm64" ? "linux-arm64" : "linux-amd64";
const downloadTimeoutMs = 60_000;

/**
 * Makes Prometheus collect the metrics of `hosts`: installs it into `folder` unless it is on PATH, and
 * puts one scrape job into ~/.prometheus.yml. Gives the path of that file.
 */
export async function configurePrometheus(
  folder: string,
  hosts: readonly string[],
  session: Session,
): Promise<string> {
  const configFile = path.join(homedir(), ".prometheus.yml");
  if (Bun.which("prometheus") === null) {
    session.say("Downloading and installing Prometheus...");
    await install(folder, configFile, session).catch((error: unknown) => {
      throw wrapError("failed to install prometheus", error);
    });
    session.say(`Installed prometheus to ${path.join(folder, "prometheus")}`);
  }
  session.say("Configuring Prometheus for DAOS monitoring...");
  const config = scrapeConfig(await readFile(configFile, "utf8"), hosts);
  await writeFile(`${configFile}.new`, config, { mode: 0o644 });
  await rename(`${configFile}.new`, configFile);
  return configFile;
}

/** The configuration `text` with its scrape jobs replaced by one for the servers. */
export function scrapeConfig(text: string, hosts: readonly string[]): string {
  const parsed: unknown = parse(text);
  const config = typeof parsed === "object" && parsed !== null ? parsed : {};
  return stringify({
    ...config,
    scrape_configs: [
      {
        job_name: "daos",
        scrape_interval: "5s",
        static_configs: [{ targets: hosts.map((host) => `${host}:${metricsPort}`) }],
      },
    ],
  });
}

async function install(folder: string, configFile: string, session: Session): Promise<void> {
  const archive = await downloadRelease(session);
  const scratch = await mkdtemp(path.join(folder, ".prometheus-"));
  try {
    const tarball = path.join(scratch, "release.tar.gz");
    await writeFile(tarball, archive);
    const tar = Bun.spawn(["tar", "-xzf", tarball, "-C", scratch, "--strip-components=1"], {
      stderr: "pipe",
    });
    if ((await tar.exited) !== 0) throw new Error(`tar: ${(await new Response(tar.stderr).text()).trim()}`);
    await chmod(path.join(scratch, "prometheus"), 0o755);
    await rename(path.join(scratch, "prometheus"), path.join(folder, "prometheus"));
    await writeFile(configFile, await readFile(path.join(scratch, "prometheus.yml")), { mode: 0o644 });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Release {
  readonly tag_name: string;
  readonly assets: readonly { readonly name: string; readonly browser_download_url: string }[];
}

async function downloadRelease(session: Session): Promise<Uint8Array> {
  const signal = AbortSignal.any([session.signal, AbortSignal.timeout(downloadTimeoutMs)]);
  const release = (await (await fetchOk(releaseUrl, signal)).json()) as Release;
  session.say(`fetching prometheus/prometheus ${release.tag_name}`);
  const asset = release.assets.find(({ name }) => name.includes(platform));
  if (asset === undefined) {
    throw new Error(`unable to find URL for ${platform} in the ${release.tag_name} release`);
  }
  return await (await fetchOk(asset.browser_download_url, signal)).bytes();
}

async function fetchOk(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`Get "${url}": ${response.status} ${response.statusText}`);
  return response;
}
