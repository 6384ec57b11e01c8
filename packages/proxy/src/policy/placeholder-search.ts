import type { CredentialRule, ProxyRequest } from "./proxy-types.ts";

/** Finds placeholders in what a request carries outside its body: as they are, percent-encoded, and in base64 at any alignment. */
export interface PlaceholderSearch {
  /** The placeholders that the request carries anywhere in headers, path or query. */
  inRequest(request: ProxyRequest): ReadonlySet<string>;
}

interface Needle {
  readonly texts: readonly string[];
  readonly placeholder: string;
}

/** How the handles begin that stand for short-lived tokens; no placeholder of a rule begins so. */
export const tokenHandlePrefix = "clauderon.token.";

/** Prepares the search over the placeholders of all rules. */
export function createPlaceholderSearch(rules: readonly CredentialRule[]): PlaceholderSearch {
  const placeholders = new Set([...rules.flatMap(({ placeholder }) => placeholder ?? []), tokenHandlePrefix]);
  const needles = [...placeholders].map((placeholder): Needle => ({
    placeholder,
    texts: [placeholder, ...base64Cores(placeholder)],
  }));
  const markers = [...new Set(needles.flatMap(({ texts }) => shortestMarkers(texts)))];
  const nothing: ReadonlySet<string> = new Set();
  return {
    inRequest: (request) => {
      const text = requestText(request);
      const plain = text.includes("%") ? `${text}\n${decodePercent(text)}` : text;
      if (!markers.some((marker) => plain.includes(marker))) return nothing;
      return new Set(
        needles
          .filter(({ texts }) => texts.some((needle) => plain.includes(needle)))
          .map(({ placeholder }) => placeholder),
      );
    },
  };
}

const sharedMarker = "clauderon";

/** What is looked for first: one short text for all placeholders that hold the product's name, the needles themselves for others. */
function shortestMarkers(texts: readonly string[]): readonly string[] {
  return texts[0]?.includes(sharedMarker) === true ? [sharedMarker, ...base64Cores(sharedMarker)] : texts;
}

/**
 * The parts of the base64 forms that do not depend on what stands around the text, for the three alignments. Both alphabets agree on them: placeholders have none of
 * the characters (`>`, `?`, `~`) that the last two letters of the alphabet need.
 */
function base64Cores(text: string): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from("\0".repeat(shift) + text).toString("base64");
    const start = shift === 0 ? 0 : shift + 1;
    const bits = (shift + Buffer.byteLength(text)) * 8;
    return encoded.slice(start, Math.floor(bits / 6));
  });
}

function requestText(request: ProxyRequest): string {
  let text = `${request.path}\n${request.query}`;
  for (const { value } of request.headers) text += `\n${value}`;
  return text;
}

function decodePercent(text: string): string {
  return text.replaceAll(/%([2-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
