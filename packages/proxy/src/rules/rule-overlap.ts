import { parseHostPattern } from "../policy/host-pattern.ts";
import type { CredentialRule } from "../policy/proxy-types.ts";

/** Whether one request could match both rules. */
export function doRulesOverlap(one: CredentialRule, other: CredentialRule): boolean {
  return (
    (one.port ?? 443) === (other.port ?? 443) &&
    doHostsOverlap(one.host, other.host) &&
    doMethodsOverlap(one.methods, other.methods) &&
    doPathsOverlap(one.paths, other.paths)
  );
}

/** Whether one path could match both globs. */
export function doGlobsOverlap(one: string, other: string): boolean {
  return segmentsOverlap(one.split("/").slice(1), other.split("/").slice(1));
}

function doHostsOverlap(one: string, other: string): boolean {
  const a = parseHostPattern(one);
  const b = parseHostPattern(other);
  if (a === undefined || b === undefined) return false;
  if (a.address !== undefined || b.address !== undefined) return one === other;
  if (!a.isWildcard && !b.isWildcard) return a.host === b.host;
  if (a.isWildcard && b.isWildcard) return a.host.endsWith(b.host) || b.host.endsWith(a.host);
  return a.isWildcard ? b.host.endsWith(a.host) : a.host.endsWith(b.host);
}

function doMethodsOverlap(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one === undefined || other === undefined || one.some((method) => other.includes(method));
}

function doPathsOverlap(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return (
    one === undefined || other === undefined || one.some((glob) => other.some((second) => doGlobsOverlap(glob, second)))
  );
}

function segmentsOverlap(one: readonly string[], other: readonly string[]): boolean {
  const [a, ...restOfOne] = one;
  const [b, ...restOfOther] = other;
  if (a === "**") return segmentsOverlap(restOfOne, other) || (b !== undefined && segmentsOverlap(one, restOfOther));
  if (b === "**") return segmentsOverlap(one, restOfOther) || (a !== undefined && segmentsOverlap(restOfOne, other));
  if (a === undefined || b === undefined) return a === b;
  return textsOverlap(a, b) && segmentsOverlap(restOfOne, restOfOther);
}

/** Two patterns of one segment, where `*` stands for any characters. */
function textsOverlap(one: string, other: string): boolean {
  if (one.startsWith("*"))
    return textsOverlap(one.slice(1), other) || (other !== "" && textsOverlap(one, other.slice(1)));
  if (other.startsWith("*"))
    return textsOverlap(one, other.slice(1)) || (one !== "" && textsOverlap(one.slice(1), other));
  if (one === "" || other === "") return one === other;
  return one[0] === other[0] && textsOverlap(one.slice(1), other.slice(1));
}
