const words =
  "const the session of terminal return await if worktree function error not found = () => { } import from a to".split(
    " ",
  );
const colours = ["\u001B[31m", "\u001B[32m", "\u001B[1;34m", "\u001B[38;5;208m", "\u001B[2m"];

/** Text as agents write it: lines of 0 to 120 characters, a third of them with colours, some with characters beyond ASCII. */
export function realisticText(byteCount: number): { readonly bytes: Uint8Array; readonly lineCount: number } {
  // The same text in every run.
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const lines: string[] = [];
  let length = 0;
  while (length < 1_000_000) {
    let line = "";
    for (let count = random(20); count > 0; count--) line += `${words[random(words.length)]} `;
    if (random(3) === 0) line = `${colours[random(colours.length)]}${line}\u001B[0m`;
    if (random(10) === 0) line += "─ ✓ naïve";
    lines.push(line);
    length += line.length + 1;
  }
  const block = Buffer.from(`${lines.join("\n")}\n`);
  const count = Math.ceil(byteCount / block.byteLength);
  return { bytes: Buffer.concat(Array.from({ length: count }, () => block)), lineCount: lines.length * count };
}
