/** How targets are read, once more and as plainly as it can be written; nothing here is shared with what it is compared with. */
export interface ReferenceTarget {
  readonly host: string;
  readonly port: number;
}

const isPrintable = (text: string): boolean =>
  Array.from(text).every((character) => character >= "!" && character <= "~");

function readPort(text: string, fallback: number | undefined): number | undefined {
  if (text === "") return fallback;
  if (!text.startsWith(":")) return undefined;
  const digits = text.slice(1);
  if (digits === "" || digits.startsWith("0") || Array.from(digits).some((digit) => digit < "0" || digit > "9"))
    return undefined;
  const port = Number(digits);
  return port <= 65_535 ? port : undefined;
}

function readIpv6(inside: string): string | undefined {
  const isPlain = Array.from(inside).every((character) => "0123456789abcdefABCDEF:.".includes(character));
  const url = isPlain ? URL.parse(`http://[${inside}]/`) : null;
  return url === null ? undefined : url.hostname.slice(1, -1);
}

function isIpv4(labels: readonly string[]): boolean {
  const isPart = (label: string): boolean =>
    String(Number(label)) === label && Number(label) >= 0 && Number(label) <= 255;
  return labels.length === 4 && labels.every(isPart);
}

function readName(text: string): string | undefined {
  const lower = text.replaceAll(/[A-Z]/gu, (letter) => letter.toLowerCase());
  const host = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  const labels = host.split(".");
  if (host.length > 253) return undefined;
  const last = labels.at(-1) ?? "";
  const looksNumeric =
    last !== "" && (Array.from(last).every((digit) => digit >= "0" && digit <= "9") || /^0x[0-9a-f]*$/u.test(last));
  if (looksNumeric) return isIpv4(labels) ? host : undefined;
  for (const label of labels) {
    if (label === "" || label.length > 63 || label.startsWith("-") || label.endsWith("-")) return undefined;
    if (Array.from(label).some((character) => !"abcdefghijklmnopqrstuvwxyz0123456789-_".includes(character)))
      return undefined;
  }
  if (labels.some((label) => label.startsWith("xn--")) && URL.parse(`http://${host}/`)?.hostname !== host)
    return undefined;
  return host;
}

/** `HOST:PORT`, or nothing. */
export function referenceTarget(text: string, fallbackPort?: number): ReferenceTarget | undefined {
  if (!isPrintable(text)) return undefined;
  const end = text.startsWith("[") ? text.indexOf("]") + 1 : text.includes(":") ? text.indexOf(":") : text.length;
  if (end === 0 && text.startsWith("[")) return undefined;
  const hostText = text.slice(0, end);
  const port = readPort(text.slice(end), fallbackPort);
  const host = hostText.startsWith("[") ? readIpv6(hostText.slice(1, -1)) : readName(hostText);
  return host === undefined || port === undefined ? undefined : { host, port };
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
const written = `${unreserved}!$&'()*+,;=:@/`;

const isHex = (text: string): boolean =>
  text.length === 2 && Array.from(text).every((digit) => "0123456789abcdefABCDEF".includes(digit));

/** A path, in bytes as it is meant and as it is written; nothing when its escapes are broken. */
function readPath(raw: string): { readonly bytes: readonly number[]; readonly text: string } | undefined {
  const bytes: number[] = [];
  let text = "";
  for (let at = 0; at < raw.length; at += 1) {
    const character = raw[at] ?? "";
    if (character !== "%") {
      bytes.push(character.charCodeAt(0));
      text += written.includes(character) ? character : `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
      continue;
    }
    const hex = raw.slice(at + 1, at + 3);
    if (!isHex(hex)) return undefined;
    const byte = Number.parseInt(hex, 16);
    const meant = String.fromCharCode(byte);
    bytes.push(byte);
    text += unreserved.includes(meant) ? meant : `%${hex.toUpperCase()}`;
    at += 2;
  }
  return { bytes, text };
}

const separators = (text: string): number =>
  Array.from(text).filter((character) => "./\\%;?#".includes(character)).length;

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/** The path as it is sent, or nothing. */
export function referencePath(raw: string): string | undefined {
  if (!raw.startsWith("/") || !isPrintable(raw) || Array.from("\\#?").some((character) => raw.includes(character)))
    return undefined;
  const path = readPath(raw);
  if (path === undefined) return undefined;
  let meant: string;
  try {
    meant = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(path.bytes));
  } catch {
    // No UTF-8: servers would guess.
    return undefined;
  }
  if (Array.from(meant).some(isControl) || meant.includes("\\")) return undefined;
  for (let at = meant.indexOf("%"); at !== -1; at = meant.indexOf("%", at + 1))
    if (isHex(meant.slice(at + 1, at + 3))) return undefined;
  const segments = meant.slice(1).split("/");
  for (const [index, segment] of segments.entries()) {
    const name = segment.includes(";") ? segment.slice(0, segment.indexOf(";")) : segment;
    if (name !== "" && Array.from(name).every((character) => character === ".")) return undefined;
    const mayBeEmpty = index === segments.length - 1 && path.text.endsWith("/");
    if (name === "" && !mayBeEmpty) return undefined;
  }
  return separators(meant.normalize("NFKC")) === separators(meant) ? path.text : undefined;
}

/** What a request line and its Host lines come to: `https://host:port/path?query`, or nothing. */
export function referenceRequest(line: {
  readonly method: string;
  readonly target: string;
  readonly hosts: readonly string[];
  /** Absent at the proxy's own port. */
  readonly tunnel?: ReferenceTarget;
}): string | undefined {
  const { method, target, hosts, tunnel } = line;
  const isToken =
    method !== "" && Array.from(method).every((character) => `${unreserved}!#$%&'*+^\`|`.includes(character));
  if (!isToken || method.length > 32 || method === "CONNECT" || target.length > 16_384 || target.includes("#"))
    return undefined;
  const scheme = tunnel === undefined ? schemeOf(target) : "https";
  if (scheme === undefined) return undefined;
  const rest = tunnel === undefined ? target.slice(scheme.length + 3) : target;
  const queryAt = rest.indexOf("?");
  const [place, query] = queryAt === -1 ? [rest, ""] : [rest.slice(0, queryAt), rest.slice(queryAt + 1)];
  const pathAt = place.indexOf("/");
  const authority = pathAt === -1 ? place : place.slice(0, pathAt);
  const defaultPort = scheme === "https" ? 443 : 80;
  const to = tunnel ?? (authority === "" ? undefined : referenceTarget(authority, defaultPort));
  if (to === undefined || (tunnel !== undefined && authority !== "")) return undefined;
  const path = referencePath(pathAt === -1 ? "/" : place.slice(pathAt));
  if (path === undefined || (tunnel !== undefined && pathAt !== 0) || !isPrintable(query)) return undefined;
  const named = hosts.length === 1 ? referenceTarget(hosts[0] ?? "", defaultPort) : undefined;
  if (named?.host !== to.host || named.port !== to.port) return undefined;
  return `${scheme}://${to.host}:${to.port}${path}?${query}`;
}

function schemeOf(target: string): "http" | "https" | undefined {
  const start = target.slice(0, 8).toLowerCase();
  if (start.startsWith("http://")) return "http";
  return start === "https://" ? "https" : undefined;
}
