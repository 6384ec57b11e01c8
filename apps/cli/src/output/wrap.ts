import { printable } from "./printable.ts";

const NARROWEST = 30;

/** A label and a text beside it, over as many lines as it needs to stay within the width. Words stay whole. */
export function besideLabel(label: string, text: string, width: number): readonly string[] {
  const available = Math.max(NARROWEST, width - label.length);
  const lines: string[] = [];
  for (const word of printable(text).split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= available) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const indent = " ".repeat(label.length);
  return lines.map((line, index) => `${index === 0 ? label : indent}${line}`.trimEnd());
}
