/** Matches canonical paths. */
export type PathMatcher = (path: string) => boolean;

// Encoded separators (/ ? # ;) and parameters never match a wildcard: what allows must not depend on how a server reads them.
const character = "(?:[^/;%]|%(?!2F|3F|23|3B)[0-9A-F]{2})";

/** `*` stands for characters within a segment, `**` for any number of segments. Everything else stands for itself. */
export function pathGlob(glob: string): PathMatcher {
  const source = glob
    .split(/(\/\*\*(?=\/|$)|\*)/)
    .map((part) => {
      if (part === "/**") return `(?:/${character}*)*`;
      if (part === "*") return `${character}*`;
      return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    })
    .join("");
  const pattern = new RegExp(`^${source}$`);
  return (path) => pattern.test(path);
}

/** True for a path that one of the globs matches. */
export function anyGlob(globs: readonly string[]): PathMatcher {
  const matchers = globs.map((glob) => pathGlob(glob));
  return (path) => matchers.some((matches) => matches(path));
}

/** Matches loose paths (`loosePath`), for what forbids: wildcards stand for anything. The glob is in lower case. */
export function looseGlob(glob: string): PathMatcher {
  const source = glob
    .split(/(\/\*\*(?=\/|$)|\*)/)
    .map((part) => {
      if (part === "/**") return "(?:/.*)?";
      return part === "*" ? "[^/]*" : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
    })
    .join("");
  const pattern = new RegExp(`^${source}$`, "s");
  return (path) => pattern.test(path);
}
