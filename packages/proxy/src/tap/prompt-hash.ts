import { hash } from "node:crypto";

const MAX_BLOCKS = 100;

/**
 * SHA-256, as hex, over the canonical form of what a user wrote: without the tagged blocks that agents add (`<system-reminder>…`), Unicode NFC, `\n` line
 * ends, trimmed. `undefined` when nothing is left. The same function says whether a sent prompt is the one seen in a request.
 */
export function promptHash(text: string): string | undefined {
  const canonical = canonicalPrompt(text);
  return canonical === "" ? undefined : hash("sha256", canonical, "hex");
}

export function canonicalPrompt(text: string): string {
  const lines = text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
  return (lines.includes("<") ? withoutTaggedBlocks(lines) : lines).normalize("NFC").trim();
}

/** A block stands on lines of its own. Linear in the text: each search goes forward, and only so many are made. */
function withoutTaggedBlocks(text: string): string {
  const opening = /^[ \t]*<([a-zA-Z][\w-]{0,63})>/gm;
  let kept = "";
  let from = 0;
  for (let count = 0; count < MAX_BLOCKS; count++) {
    const match = opening.exec(text);
    if (match === null) break;
    const closing = `</${match[1] ?? ""}>`;
    const close = text.indexOf(closing, opening.lastIndex);
    if (close === -1) continue;
    const end = close + closing.length;
    const rest = /[ \t]*(?:\n|$)/y;
    rest.lastIndex = end;
    if (!rest.test(text)) continue;
    kept += text.slice(from, match.index);
    from = rest.lastIndex;
    opening.lastIndex = from;
  }
  return kept + text.slice(from);
}
