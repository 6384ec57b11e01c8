const control = /\p{Cc}/gu;
const controlButLines = /(?![\n\t])\p{Cc}/gu;

const visible = (character: string): string => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`;

/** One line of foreign text (names, branches, paths) that cannot steer the reader's terminal. */
export function printable(text: string): string {
  return text.replace(control, visible);
}

/** The same for text of several lines; line feeds and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(controlButLines, visible);
}

/** JSON whose text cannot steer the reader's terminal either: the standard leaves the 8-bit control characters as they are. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    control,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
