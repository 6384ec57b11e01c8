/** Matches canonical paths. */
export type PathMatcher = (path: string) => boolean;

// Encoded separators (/ ? # ;) and parameters never match a wildcard: what allows must not depend on how a server reads them.
const character = "(?:[^/;%]|%(?!2F|3F|23|3B)[0-9A-F]{2})";

/**
 * `*` stands for characters within a segment, `**` for any number of segments. Everything else stands for itself. A `**` at the end takes encoded separators too:
 * a canonical path stays below its prefix however it is decoded.
 */
export function pathGlob(glob: string): PathMatcher {
  return anyGlob([glob]);
}

function globSource(glob: string): string {
  return glob
    .split(/(\/\*\*(?=\/|$)|\*)/)
    .map((part, index, parts) => {
      if (part === "/**" && parts.slice(index + 1).every((rest) => rest === "")) return "(?:/.*)?";
      if (part === "/**") return `(?:/${character}*)*`;
      if (part === "*") return `${character}*`;
      return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    })
    .join("");
}

/** True for a path that one of the globs matches. */
export function anyGlob(globs: readonly string[]): PathMatcher {
  if (globs.length === 0) return () => false;
  const pattern = new RegExp(`^(?:${globs.map((glob) => globSource(glob)).join("|")})$`);
  return (path) => pattern.test(path);
}

/** Matches loose paths (`loosePath`), for what forbids: wildcards stand for anything. The globs are in lower case. */
export function looseGlobs(globs: readonly string[]): PathMatcher {
  if (globs.length === 0) return () => false;
  const pattern = new RegExp(`^(?:${globs.map((glob) => looseSource(glob)).join("|")})$`, "s");
  return (path) => pattern.test(path);
}

function looseSource(glob: string): string {
  return glob
    .split(/(\/\*\*(?=\/|$)|\*)/)
    .map((part) => {
      if (part === "/**") return "(?:/.*)?";
      return part === "*" ? "[^/]*" : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
    })
    .join("");
}
