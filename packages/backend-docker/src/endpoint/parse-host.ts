/** Where an engine listens, or why it cannot be used. */
export type ParsedHost =
  | { readonly kind: "socket"; readonly socketPath: string }
  | { readonly kind: "refused"; readonly why: string };

/** Reads what DOCKER_HOST, a context or the configuration says. */
export function parseHost(host: string): ParsedHost {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(host)?.[1]?.toLowerCase();
  const rest = scheme === undefined ? host : host.slice(scheme.length + "://".length);
  switch (scheme) {
    case undefined:
      return host.startsWith("/") ? socketAt(host) : refused(`"${host}" names no kind of address`);
    case "unix":
      return rest.startsWith("/") ? socketAt(rest) : refused(`"${host}" has no absolute path`);
    case "npipe":
      return rest === "" ? refused(`"${host}" has no path`) : socketAt(rest.replaceAll("/", "\\"));
    case "ssh":
    case "tcp":
    case "http":
    case "https":
      return refused(`${host} may be an engine on another machine, which does not have the files of sessions`);
    default:
      return refused(`"${scheme}" is no kind of address that is known`);
  }
}

const socketAt = (socketPath: string): ParsedHost => ({ kind: "socket", socketPath });
const refused = (why: string): ParsedHost => ({ kind: "refused", why });
