import { UsageError } from "../contract/errors/usage-error.ts";

const LONGEST = 63;
const LONGEST_MADE = 40;
const MOST_WORDS = 5;
const EXAMPLE = "lower-case letters, digits and dashes, a letter or digit first, at most 63 characters: fix-login";

/** Rejects with a `UsageError` that says what is wrong with the name. Names are parts of paths, branches, and host names. */
export function validateSessionName(name: string): void {
  const why = whyRefused(name);
  if (why === undefined) return;
  const suggestion = slugOf(name, LONGEST);
  throw new UsageError({
    message: `${shown(name)} cannot be the name of a session`,
    why,
    fix: suggestion === "" ? [`use ${EXAMPLE}`] : [`use for example ${suggestion}`, `names are ${EXAMPLE}`],
    context: { name: name.slice(0, 100) },
  });
}

function whyRefused(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.startsWith("-")) return "it starts with a dash, which commands would read as an option";
  if (name.includes("..")) return "it contains .., which paths and branches cannot";
  if (name.includes("/")) return "it contains /, which would make it a path";
  if (/[A-Z]/u.test(name)) return "it contains capital letters, which not every file system tells from small ones";
  const foreign = /[^a-z0-9-]/u.exec(name)?.[0];
  if (foreign !== undefined) return `it contains ${JSON.stringify(foreign)}`;
  if (name.length > LONGEST) return `it has ${String(name.length)} characters; ${String(LONGEST)} are the most`;
  return undefined;
}

function shown(name: string): string {
  return name.length <= 80
    ? JSON.stringify(name)
    : `${JSON.stringify(name.slice(0, 60))}… (${String(name.length)} characters)`;
}

const fillers = new Set(
  "a an and are as at be but by can could do for from has have i in into is it its let me my of on or our please should so that the their there these this to us want was we were will with would you your".split(
    " ",
  ),
);

/** A free, valid name from the first words of the prompt, else from the repository's directory. */
export function nameFromPrompt(
  prompt: string | undefined,
  repositoryPath: string,
  taken: (name: string) => boolean,
): string {
  // Only the beginning counts; a prompt may be a megabyte.
  const words = slugOf((prompt ?? "").slice(0, 2000), 2000)
    .split("-")
    .filter((word) => word !== "");
  const telling = words.filter((word) => !fillers.has(word));
  const repository =
    repositoryPath
      .replace(/\/+$/u, "")
      .replace(/\.git$/u, "")
      .split(/[/:]/u)
      .at(-1) ?? "";
  const name = joined(telling) || joined(words) || slugOf(repository, LONGEST_MADE) || "session";
  if (!taken(name)) return name;
  for (let number = 2; ; number += 1) {
    const next = `${name}-${String(number)}`;
    if (!taken(next)) return next;
  }
}

function joined(words: readonly string[]): string {
  return slugOf(words.slice(0, MOST_WORDS).join("-"), LONGEST_MADE);
}

/** Accents are dropped, everything else that is no letter or digit parts words. Cut at a word's end where there is one. */
function slugOf(text: string, longest: number): string {
  const slug = text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, "-")
    .replace(/^-+/u, "");
  if (slug.length <= longest) return slug.replace(/-+$/u, "");
  const cut = slug.slice(0, longest + 1);
  const end = cut.lastIndexOf("-");
  return (end > longest / 2 ? cut.slice(0, end) : slug.slice(0, longest)).replace(/-+$/u, "");
}
