import { domainToASCII } from "node:url";

import { parseAddress } from "./address.ts";
import type { Refusal } from "./proxy-types.ts";
import { quoted, refuse } from "./refusal.ts";

/** A host and port in canonical form. */
export interface Authority {
  readonly host: string;
  readonly port: number;
}

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const longestHost = 253;

/**
 * The one spelling of a host: lower case, no trailing dot, an address as {@link parseAddress} writes it. Other spellings of addresses (`127.1`, `0x7f000001`, zones)
 * are refused, because resolvers disagree on what they mean.
 */
export function canonicalHost(text: string): string | Refusal {
  if (text.startsWith("[")) return canonicalIpv6(text);
  const host = text.toLowerCase().replace(/\.$/, "");
  if (host.length === 0 || host.length > longestHost) return malformed(text);
  const labels = host.split(".");
  const last = labels.at(-1) ?? "";
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(last)) {
    return parseAddress(host) === undefined ? ambiguous(text) : host;
  }
  if (!labels.every((part) => label.test(part))) return malformed(text);
  const isAscii = !labels.some((part) => part.startsWith("xn--")) || domainToASCII(host) === host;
  return isAscii ? host : malformed(text);
}

/** Reads `HOST:PORT`, `[IPV6]:PORT`; without a port the default applies, and without a default it is refused. */
export function parseAuthority(text: string, defaultPort?: number): Authority | Refusal {
  const parts = /^(\[[^[\]]*\]|[^:[\]]*)(?::([1-9]\d{0,4}))?$/.exec(text);
  if (parts === null || !/^[\u0021-\u007e]+$/.test(text)) return malformed(text);
  const [, hostText = "", portText] = parts;
  if (/[\\/?#@%"<>^`{|}]/.test(hostText.startsWith("[") ? "" : hostText)) return malformed(text);
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port === undefined || port > 65_535) {
    return refuse(400, "target-malformed", {
      message: `The target ${quoted(text)} has no valid port`,
      fix: "write HOST:PORT with a port from 1 to 65535",
    });
  }
  const host = canonicalHost(hostText);
  return typeof host === "string" ? { host, port } : host;
}

/** The authority as it goes into a `Host` header or a URL; the scheme's own port is left out. */
export function formatAuthority(authority: Authority, defaultPort?: number): string {
  const host = authority.host.includes(":") ? `[${authority.host}]` : authority.host;
  return authority.port === defaultPort ? host : `${host}:${authority.port}`;
}

function canonicalIpv6(text: string): string | Refusal {
  const inside = text.slice(1, -1);
  if (!text.endsWith("]")) return malformed(text);
  if (inside.includes("%")) return ambiguous(text);
  const address = parseAddress(inside);
  return address?.family === 6 ? address.text : malformed(text);
}

function malformed(text: string): Refusal {
  return refuse(400, "target-malformed", {
    message: `The target ${quoted(text)} is not a host that can be decided on`,
    fix: "write a host name in ASCII (IDN as xn--…), an IPv4 address as four decimal numbers, or an IPv6 address in brackets",
  });
}

function ambiguous(text: string): Refusal {
  return refuse(403, "address-ambiguous", {
    message: `The address ${quoted(text)} has a spelling that programs read differently`,
    fix: "write IPv4 as four decimal numbers without leading zeros, and IPv6 without a zone",
  });
}
