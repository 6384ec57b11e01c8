import { domainToASCII } from "node:url";

import { isWithin, parseAllowedAddress, type AllowedAddress } from "./address-policy.ts";
import { parseAddress } from "./address.ts";
import { canonicalHost, type Authority } from "./canonical-host.ts";

/** Which hosts an entry of `allow`, `deny` or a rule means. */
export interface HostPattern {
  /** As written. */
  readonly text: string;
  /** The host itself, or the suffix `.example.com` of a pattern `*.example.com`; empty for addresses. */
  readonly host: string;
  readonly isWildcard: boolean;
  /** Absent = the ports of the web, 80 and 443. */
  readonly port?: number | undefined;
  /** Set when the entry is an address or a range: it then also opens addresses. */
  readonly address?: AllowedAddress | undefined;
}

/** Ports that an entry without a port stands for. */
export const webPorts: readonly number[] = [80, 443];

/** Reads `HOST`, `HOST:PORT`, `*.example.com`, an address or `10.0.0.0/8`; `undefined` when it is none of these. IDN names are turned into their ASCII form. */
export function parseHostPattern(text: string): HostPattern | undefined {
  const address = parseAllowedAddress(text);
  if (address !== undefined) return { text, host: "", isWildcard: false, port: address.port, address };
  const parts = /^(\*\.)?([^*:/[\]@?#%\s]+)(?::([1-9]\d{0,4}))?$/.exec(text);
  const host = canonicalHost(domainToASCII(parts?.[2] ?? ""));
  const port = parts?.[3] === undefined ? undefined : Number(parts[3]);
  if (typeof host !== "string" || (port !== undefined && port > 65_535)) return undefined;
  const isWildcard = parts?.[1] !== undefined;
  if (isWildcard && parseAddress(host) !== undefined) return undefined;
  return { text, host: isWildcard ? `.${host}` : host, isWildcard, port };
}

/** Whether the pattern means this host, whatever the port. Ranges mean the addresses in them. */
export function matchesHost(pattern: HostPattern, host: string): boolean {
  if (pattern.address !== undefined) {
    const address = parseAddress(host);
    return address !== undefined && isWithin(address, pattern.address);
  }
  if (pattern.isWildcard) return host.length > pattern.host.length && host.endsWith(pattern.host);
  return host === pattern.host;
}

/** Whether the pattern means this host and port. */
export function matchesAuthority(pattern: HostPattern, authority: Authority): boolean {
  const isPort = pattern.port === undefined ? webPorts.includes(authority.port) : pattern.port === authority.port;
  return isPort && matchesHost(pattern, authority.host);
}
