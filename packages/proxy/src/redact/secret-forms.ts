/** One way in which a secret may be written, and what takes its place: as many bytes, of the same kind. */
export interface SecretForm {
  readonly bytes: Buffer;
  readonly replacement: Buffer;
}

export interface RedactedSecret {
  readonly value: string;
  /** What the client holds instead; cut or padded to the length of what it replaces. */
  readonly placeholder: string;
}

/** Shorter pieces would also be found where no secret is. */
const MIN_FORM_BYTES = 6;

/**
 * Plain, JSON-escaped, percent-encoded, in HTML, hex, UTF-16 in both orders, and Base64 in both alphabets wherever in a group the secret begins (`user:secret` moves it).
 */
export function secretForms({ value, placeholder }: RedactedSecret): readonly SecretForm[] {
  const bytes = Buffer.from(value);
  const fitted = (text: string): SecretForm => ({ bytes: Buffer.from(text), replacement: fit(placeholder, text) });
  const filled = (text: string, filler: string): SecretForm => ({
    bytes: Buffer.from(text),
    replacement: Buffer.alloc(text.length, filler),
  });
  const hex = bytes.toString("hex");
  const percent = encodeURIComponent(value);
  const json = JSON.stringify(value).slice(1, -1);
  const escaped = Array.from(value, (character) => unicodeEscape(character)).join("");
  const utf16 = Buffer.from(value, "utf16le");
  const utf16Fit = Buffer.from(
    fit(placeholder, value).toString("latin1").slice(0, value.length).padEnd(value.length, "*"),
    "utf16le",
  );
  const forms = [
    fitted(value),
    fitted(json),
    fitted(json.replaceAll("/", "\\/")),
    filled(escaped, "*"),
    filled(escaped.toUpperCase().replaceAll("\\U", "\\u"), "*"),
    ...[percent, strictPercent(percent), new URLSearchParams({ value }).toString().slice("value=".length)]
      .flatMap((text) => percentForms(text))
      .map((text) => filled(text, "*")),
    filled(html(value), "*"),
    ...percentForms(hex.replaceAll(/../g, "%$&")).map((text) => filled(text, "*")),
    filled(hex, "0"),
    filled(hex.toUpperCase(), "0"),
    { bytes: utf16, replacement: utf16Fit },
    { bytes: Buffer.from(utf16).swap16(), replacement: Buffer.from(utf16Fit).swap16() },
    ...[0, 1, 2].flatMap((shift) => base64Forms(bytes, shift).map((text) => filled(text, "x"))),
  ];
  // What is the same twice keeps the replacement listed first.
  const unique = new Map(forms.toReversed().map((form) => [form.bytes.toString("latin1"), form]));
  return [...unique.values()].filter(({ bytes }) => bytes.length >= MIN_FORM_BYTES);
}

/** The digits of one encoder may be capitals, those of another not; `+` for a space is the form encoding's. */
function percentForms(percent: string): readonly string[] {
  const lower = percent.replaceAll(/%[0-9A-Fa-f]{2}/g, (digits) => digits.toLowerCase());
  const upper = percent.replaceAll(/%[0-9A-Fa-f]{2}/g, (digits) => digits.toUpperCase());
  return [lower, upper].flatMap((text) => [text, text.replaceAll("%20", "+")]);
}

/** RFC 3986 reserves more than JavaScript encodes. */
function strictPercent(percent: string): string {
  return percent.replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function html(value: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return value.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** The characters that hold bits of the secret alone, when `shift` bytes precede it in its group of three. */
function base64Forms(bytes: Buffer, shift: number): readonly string[] {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .replaceAll("=", "");
  const first = [0, 2, 3][shift] ?? 0;
  const isPartial = (shift + bytes.length) % 3 !== 0;
  const inner = text.slice(first, isPartial ? -1 : undefined);
  return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
}

function unicodeEscape(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}

function fit(placeholder: string, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.alloc(length, "*");
  Buffer.from(placeholder).copy(bytes, 0, 0, length);
  return bytes;
}
