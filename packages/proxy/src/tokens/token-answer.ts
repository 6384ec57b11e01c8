import { parseJson } from "@clauderon/core/host";

/** What a token service's answer becomes for the client. */
export interface TokenAnswerPorts {
  /** Names of the members that hold tokens. */
  readonly fields: readonly string[];
  /** The handle that stands for a token. */
  readonly keep: (token: string, lifetimeMs: number) => string;
}

/** https://distribution.github.io/distribution/spec/auth/token/: without `expires_in` a token is good for 60 seconds. */
const shortestLifetimeMs = 60_000;
const longestLifetimeMs = 24 * 60 * 60_000;
/** A token that has just ended is refused by the registry itself, with the challenge that the client knows how to answer. */
const graceMs = 60_000;

/**
 * The JSON of a token service with a handle for each token, wherever else the token stands in it, too. Refresh tokens are left out: they would outlive everything, and
 * without one clients ask again with their login. `undefined` = it is no JSON.
 */
export function rewriteTokenAnswer(text: string, { fields, keep }: TokenAnswerPorts): string | undefined {
  const answer = read(text);
  if (answer === undefined || typeof answer.value !== "object" || answer.value === null) return undefined;
  const lifetimeMs = lifetimeOf(answer.value);
  const handles = new Map<string, string>();
  const names = new Set(fields);
  collect(answer.value, names, (token) => {
    if (!handles.has(token)) handles.set(token, keep(token, lifetimeMs));
  });
  // A longer one first: it may begin with a shorter one.
  const found = [...handles].toSorted(([one], [other]) => other.length - one.length);
  const clean = (part: string): string =>
    found.reduce((so, [token, handle]) => so.replaceAll(token, () => handle), part);
  return JSON.stringify(answer.value, (name: string, value: unknown) => {
    if (name === "refresh_token") return undefined;
    return typeof value === "string" ? clean(value) : value;
  });
}

function read(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(text, "the answer of the token service") };
  } catch {
    // The caller says so; the text may hold a token and is not shown.
    return undefined;
  }
}

function lifetimeOf(value: object): number {
  const seconds = "expires_in" in value && typeof value.expires_in === "number" ? value.expires_in : 0;
  return Math.min(Math.max(seconds * 1000, shortestLifetimeMs), longestLifetimeMs) + graceMs;
}

/** Every text within members of these names. */
function collect(value: unknown, names: ReadonlySet<string>, onToken: (token: string) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (names.has(name)) texts(member, onToken);
    else collect(member, names, onToken);
  }
}

function texts(value: unknown, onText: (text: string) => void): void {
  if (typeof value === "string" && value !== "") onText(value);
  else if (typeof value === "object" && value !== null)
    for (const member of Object.values(value)) texts(member, onText);
}
