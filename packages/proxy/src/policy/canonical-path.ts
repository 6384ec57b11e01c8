import type { Refusal } from "./proxy-types.ts";
import { quoted, refuse } from "./refusal.ts";

const plain = /^(?:\/[A-Za-z0-9_~!$&'()*+,=:@.-]+)*\/?$/;
const lowerPlain = /^(?:\/[a-z0-9_~!$&'()*+,=:@.-]+)*\/?$/;
const dotSegment = /\/\.+(?=\/|$)/;
const looksEncoded = /%[0-9A-Fa-f]{2}/;
const separators = /[./\\%;?#]/g;

/**
 * The path in the one form that is decided on and sent: unreserved characters decoded, the rest encoded with upper-case hex (RFC 3986 §6.2.2). A path that servers
 * could read in two ways is refused: dot segments in any encoding or with parameters (`/..;/`), empty segments, backslashes, double encoding, invalid UTF-8, control
 * characters, characters that normalise to separators. `%2F` inside a segment stays as it is: npm and GitHub use it.
 */
export function canonicalPath(raw: string): string | Refusal {
  if (plain.test(raw) && !dotSegment.test(raw)) return raw === "" ? "/" : raw;
  if (!raw.startsWith("/") || !/^[\u0021-\u007e]+$/.test(raw) || /[\\#?]/.test(raw)) return malformed(raw);
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return malformed(raw);
  const path = raw
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => unreserved(hex) ?? `%${hex.toUpperCase()}`)
    .replaceAll(/["<>[\]^`{|}]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const decoded = decodePath(path);
  return decoded === undefined || isAmbiguous(path, decoded) ? malformed(raw) : path;
}

/** The path as the most lenient server reads it: decoded, lower case, without parameters and trailing slashes. For rules that forbid; those that allow look at the canonical form. */
export function loosePath(path: string): string {
  if (lowerPlain.test(path)) return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  const decoded = (decodePath(path) ?? path).toLowerCase();
  return decoded
    .replaceAll(/[?#].*$/g, "")
    .replaceAll(/;[^/]*/g, "")
    .replace(/(?<=.)\/+$/, "");
}

function unreserved(hex: string): string | undefined {
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : undefined;
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function isAmbiguous(path: string, decoded: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f\\]/.test(decoded) || looksEncoded.test(decoded)) return true;
  const segments = decoded
    .slice(1)
    .split("/")
    .map((segment) => segment.replace(/;.*$/s, ""));
  const hasDots = segments.some((segment) => /^\.+$/.test(segment));
  const hasEmpty = segments.slice(0, -1).includes("") || (segments.at(-1) === "" && !path.endsWith("/"));
  return hasDots || hasEmpty || count(decoded.normalize("NFKC")) !== count(decoded);
}

function count(text: string): number {
  return text.match(separators)?.length ?? 0;
}

function malformed(raw: string): Refusal {
  return refuse(400, "path-ambiguous", {
    message: `The path ${quoted(raw)} can be read in more than one way`,
    fix: "send it without dot segments, empty segments, backslashes, double encoding and invalid escapes",
  });
}
