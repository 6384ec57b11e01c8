/** What is asked for where the engine has it: everything that is used here is in it. */
const wanted = "1.44";
/** Older engines lack what the hardening needs (Docker 20.10 has it). */
export const oldestApiVersion = "1.41";

export type ApiChoice =
  | { readonly kind: "usable"; readonly version: string }
  | { readonly kind: "too-old" | "too-new"; readonly why: string };

/** The version that is spoken with an engine. */
export function chooseApiVersion(engine: { readonly apiVersion: string; readonly minApiVersion: string }): ApiChoice {
  const { apiVersion, minApiVersion } = engine;
  if (compare(apiVersion, oldestApiVersion) < 0) {
    return {
      kind: "too-old",
      why: `it speaks API ${apiVersion || "of an unknown version"}, and ${oldestApiVersion} is needed`,
    };
  }
  const version = compare(apiVersion, wanted) < 0 ? apiVersion : wanted;
  if (compare(minApiVersion, version) <= 0) return { kind: "usable", version };
  // Newer engines drop old versions; what is used here has not changed since.
  if (compare(minApiVersion, newestTried) <= 0) return { kind: "usable", version: minApiVersion };
  return {
    kind: "too-new",
    why: `it speaks API ${minApiVersion} and newer, and ${newestTried} is the newest that is known`,
  };
}

const newestTried = "1.56";

function compare(first: string, second: string): number {
  const [a = 0, b = 0] = first.split(".").map(Number);
  const [c = 0, d = 0] = second.split(".").map(Number);
  return a === c ? b - d : a - c;
}
