import { SettingsError } from "@clauderon/core/contract";

import { readExtraAuthorities, systemRoots } from "../certificates/ca-bundle.ts";
import type { WayOut } from "../secrets/post-json.ts";
import type { CorporateProxy, UpstreamOverride } from "../transport/dial.ts";

/** Origins of `[proxy.upstreams]`, by the host they stand for. */
export function readOverrides(upstreams: Readonly<Record<string, string>>): ReadonlyMap<string, UpstreamOverride> {
  return new Map(
    Object.entries(upstreams).map(([host, origin]) => {
      const url = new URL(origin);
      const scheme = url.protocol === "http:" ? "http" : "https";
      const port = url.port === "" ? { http: 80, https: 443 }[scheme] : Number(url.port);
      return [host, { scheme, host: bare(url.hostname), port }];
    }),
  );
}

/** The proxy of the user's network: the one of proxy.toml, else the one of the environment. */
export function readCorporateProxy(
  upstream: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): CorporateProxy | undefined {
  const text = upstream ?? (environment["HTTPS_PROXY"] || environment["https_proxy"]);
  if (text === undefined || text === "") return undefined;
  const whole = text.includes("://") ? text : `http://${text}`;
  const url = URL.parse(whole);
  if (url?.protocol !== "http:")
    throw new SettingsError({
      message: "The proxy through which this machine reaches the internet cannot be used",
      why: "its address is not of the form http://HOST:PORT",
      fix: ["set upstream in [proxy] of proxy.toml, or HTTPS_PROXY, to http://[USER:PASSWORD@]HOST:PORT"],
    });
  const hasCredentials = url.username !== "" || url.password !== "";
  return {
    host: bare(url.hostname),
    port: url.port === "" ? 80 : Number(url.port),
    credentials: hasCredentials ? `${url.username}:${url.password}` : undefined,
  };
}

/** What of the settings says how this machine reaches the internet. */
export interface WayOutSettings {
  readonly extraCa: readonly string[];
  readonly upstreams: Readonly<Record<string, string>>;
  readonly upstream?: string | undefined;
}

/** How the proxy itself reaches a vendor, on behalf of nobody's session. */
export async function readWayOut(
  { extraCa, upstreams, upstream }: WayOutSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<WayOut> {
  const own = await Promise.all(extraCa.map(readExtraAuthorities));
  const proxy = readCorporateProxy(upstream, environment);
  const identity = proxy?.credentials === undefined ? "" : `${proxy.credentials}@`;
  return {
    origins: upstreams,
    proxyUrl: proxy === undefined ? undefined : `http://${identity}${urlHost(proxy.host)}:${proxy.port}`,
    authorities: [...systemRoots(), ...own.flat()],
  };
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(?<address>.*)\]$/u, "$<address>");
}
