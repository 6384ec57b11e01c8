/** The name of them that stands in the way of a new one: git keeps names as files and directories, so `fix` and `fix/part` cannot both be. */
export function blockerOf(name: string, names: Iterable<string>): string | undefined {
  for (const other of names) if (name.startsWith(`${other}/`) || other.startsWith(`${name}/`)) return other;
  return undefined;
}

/** The name, or one that is made from it, that none of them is or stands in the way of. */
export function freeBranchName(name: string, names: ReadonlySet<string>): string {
  // What is above a name is in the way of all that are below, too.
  const isBelow = [...names].some((other) => name.startsWith(`${other}/`));
  const start = isBelow ? name.replaceAll("/", "-") : name;
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? start : `${start}-${String(number)}`;
    if (!names.has(candidate) && blockerOf(candidate, names) === undefined) return candidate;
  }
}
