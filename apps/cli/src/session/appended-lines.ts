/** The lines of `current` that come after what it shares with the end of `known`: what was printed in between two looks. */
export function appendedLines(known: readonly string[], current: readonly string[]): readonly string[] {
  for (let overlap = Math.min(known.length, current.length); overlap > 0; overlap -= 1) {
    const start = known.length - overlap;
    let isEqual = true;
    for (let index = 0; index < overlap && isEqual; index += 1) isEqual = known[start + index] === current[index];
    if (isEqual) return current.slice(overlap);
  }
  // Only the lines that changed in place (a progress line, a prompt) differ from the same row of the last look.
  let same = 0;
  while (same < known.length && known[same] === current[same]) same += 1;
  return current.slice(same);
}
