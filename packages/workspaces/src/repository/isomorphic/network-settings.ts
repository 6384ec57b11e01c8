import { join } from "node:path";

import { type GitConfigEntry, parseGitConfig } from "../../git-config-file.ts";
import { validateRepositoryUrl } from "../../repository-url.ts";
import type { WorkspaceFileSystem } from "../../workspace-file-system.ts";

/** How another repository is reached: what git would take from the user's environment and settings, without any program. */
export interface NetworkSettings {
  /** The user's rewrites of addresses applied. */
  readonly url: string;
  /** As `HTTPS_PROXY` and the like. */
  readonly proxy: Readonly<Record<string, string>>;
  /** Certificates that are trusted in place of the system's, as text. */
  readonly authorities?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Only ever sent to the host of `url`. */
  readonly login?: { readonly username: string; readonly password: string } | undefined;
}

export interface NetworkSource {
  readonly fileSystem: WorkspaceFileSystem;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const proxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/** The system's and the user's settings, the later ones first. Includes are not followed. */
export async function readUserSettings({ fileSystem, environment }: NetworkSource): Promise<readonly GitConfigEntry[]> {
  const home = environment["HOME"];
  const xdg = environment["XDG_CONFIG_HOME"] ?? (home === undefined ? undefined : join(home, ".config"));
  const global = environment["GIT_CONFIG_GLOBAL"];
  const own =
    global === undefined
      ? [
          xdg === undefined ? undefined : join(xdg, "git", "config"),
          home === undefined ? undefined : join(home, ".gitconfig"),
        ]
      : [global];
  const hasSystem = !/^(?:1|true|yes|on)$/iu.test(environment["GIT_CONFIG_NOSYSTEM"] ?? "");
  const paths = [...(hasSystem ? [environment["GIT_CONFIG_SYSTEM"] ?? "/etc/gitconfig"] : []), ...own];
  const texts = await Promise.all(paths.flatMap((path) => (path === undefined ? [] : [fileSystem.readText(path)])));
  return texts.flatMap((text) => parseGitConfig(text ?? "")).toReversed();
}

/** Rejects with `repository.not-found` where a rewrite of the user's makes an address that is refused. */
export async function readNetworkSettings(source: NetworkSource, asked: string): Promise<NetworkSettings> {
  const settings = await readUserSettings(source);
  const url = rewritten(asked, settings);
  validateRepositoryUrl(url);
  const valueOf = (key: string): string | undefined => settings.find((entry) => entry.key === key)?.value;
  const { environment, fileSystem } = source;
  const proxy = Object.fromEntries(
    proxyNames.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
  const configured = valueOf("http.proxy") ?? environment["ALL_PROXY"] ?? environment["all_proxy"];
  const certificates = environment["GIT_SSL_CAINFO"] ?? valueOf("http.sslcainfo") ?? environment["SSL_CERT_FILE"];
  const isStored = settings.some(({ key, value }) => key === "credential.helper" && value === "store");
  return {
    url,
    proxy: configured === undefined ? proxy : { HTTP_PROXY: configured, HTTPS_PROXY: configured, ...proxy },
    authorities:
      certificates === undefined ? undefined : await fileSystem.readText(untilded(certificates, environment)),
    headers: headersFor(url, settings),
    login: await findLogin({ fileSystem, environment }, url, isStored),
  };
}

/** `url.<base>.insteadOf`: the longest beginning wins. */
function rewritten(url: string, settings: readonly GitConfigEntry[]): string {
  const rules = settings
    .filter(({ key, value }) => /^url\..+\.insteadof$/u.test(key) && value !== "" && url.startsWith(value))
    .toSorted((left, right) => right.value.length - left.value.length);
  const [rule] = rules;
  if (rule === undefined) return url;
  return rule.key.slice("url.".length, -".insteadof".length) + url.slice(rule.value.length);
}

function headersFor(url: string, settings: readonly GitConfigEntry[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const { key, value } of settings.toReversed()) {
    const scope = /^http\.(?:(.+)\.)?extraheader$/u.exec(key);
    if (scope === null || (scope[1] !== undefined && !covers(scope[1], url))) continue;
    const [name = "", ...rest] = value.split(":");
    if (/^[A-Za-z0-9-]+$/u.test(name) && rest.length > 0) headers[name] = rest.join(":").trim();
  }
  return headers;
}

function covers(scope: string, url: string): boolean {
  if (!URL.canParse(scope) || !URL.canParse(url)) return false;
  const [left, right] = [new URL(scope), new URL(url)];
  const path = left.pathname.replace(/\/$/u, "");
  return left.origin === right.origin && (right.pathname === path || right.pathname.startsWith(`${path}/`));
}

/** As git's helper `store` and curl find them. */
async function findLogin(
  { fileSystem, environment }: NetworkSource,
  url: string,
  isStored: boolean,
): Promise<NetworkSettings["login"]> {
  const home = environment["HOME"];
  if (home === undefined || !URL.canParse(url)) return undefined;
  const { protocol, host, hostname, username } = new URL(url);
  if (isStored) {
    const xdg = environment["XDG_CONFIG_HOME"] ?? join(home, ".config");
    for (const path of [join(home, ".git-credentials"), join(xdg, "git", "credentials")]) {
      for (const line of ((await fileSystem.readText(path)) ?? "").split("\n")) {
        if (!URL.canParse(line)) continue;
        const known = new URL(line);
        const isSame = known.protocol === protocol && known.host === host;
        if (isSame && (username === "" || known.username === username))
          return { username: decodeURIComponent(known.username), password: decodeURIComponent(known.password) };
      }
    }
  }
  const netrc = (await fileSystem.readText(join(home, ".netrc"))) ?? "";
  return protocol === "https:" ? fromNetrc(netrc, hostname) : undefined;
}

function fromNetrc(text: string, hostname: string): NetworkSettings["login"] {
  const words = text.split(/\s+/u);
  for (const [index, word] of words.entries()) {
    if (word !== "machine" || words[index + 1] !== hostname) continue;
    const end = words.findIndex((other, at) => at > index && (other === "machine" || other === "default"));
    const own = words.slice(index, end === -1 ? words.length : end);
    const valueOf = (name: string): string | undefined => own[own.indexOf(name) + 1];
    const [username, password] = [valueOf("login"), valueOf("password")];
    if (own.includes("login") && own.includes("password") && username !== undefined && password !== undefined)
      return { username, password };
  }
  return undefined;
}

function untilded(path: string, environment: NetworkSource["environment"]): string {
  return path.startsWith("~/") ? join(environment["HOME"] ?? "/", path.slice(2)) : path;
}
