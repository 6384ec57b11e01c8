import { parseAuthority } from "../policy/canonical-host.ts";
import type { PushScope } from "../policy/proxy-types.ts";
import { isRefusal } from "../policy/refusal.ts";

const ports: Readonly<Record<string, number>> = { https: 443, http: 80 };

/** Hosts that speak SSH on the port of HTTPS, and the host whose repositories they serve. */
const sshHosts: Readonly<Record<string, string>> = {
  "ssh.github.com": "github.com",
  "altssh.gitlab.com": "gitlab.com",
  "altssh.bitbucket.org": "bitbucket.org",
};

/**
 * What a session may push: its branch, to the repository at this address. A remote by SSH means the same repository over HTTPS: SSH does not pass the proxy. `undefined`
 * for an address that names no host (a path).
 */
export function pushScope(url: string, branch: string): PushScope | undefined {
  const place = repositoryPlace(url);
  return place === undefined ? undefined : { ...place, ref: `refs/heads/${branch}` };
}

function repositoryPlace(url: string): Omit<PushScope, "ref"> | undefined {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/@]*@)?(.+)$/is.exec(url) ?? [];
  if (scheme === "") {
    const [, host = "", path = ""] = /^(?:[^/@:\s]+@)?([^/:\s]+):(?!\/\/|:)(.+)$/s.exec(url) ?? [];
    return host === "" ? undefined : placeOf(host, path, 443);
  }
  const [, authority = "", path = ""] = /^([^/]+)\/(.+)$/s.exec(rest) ?? [];
  const port = ports[scheme.toLowerCase()];
  // The port of another protocol says nothing about the web's.
  return port === undefined ? placeOf(authority.replace(/:\d+$/, ""), path, 443) : placeOf(authority, path, port);
}

function placeOf(authority: string, path: string, usualPort: number): Omit<PushScope, "ref"> | undefined {
  const repository = path
    .replace(/^\/+/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
  const place = parseAuthority(authority, usualPort);
  if (isRefusal(place) || repository === "") return undefined;
  const { host, port } = place;
  return { host: sshHosts[host] ?? host, repository, ...(port === 443 ? {} : { port }) };
}
