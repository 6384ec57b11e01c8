/** Names of branches, of which none can be beside what is above or below it: git keeps them as files and directories, so `fix` and `fix/part` cannot both be. */
export interface BranchNames {
  has(name: string): boolean;
  add(name: string): void;
  /** One of them that is in the way of a new one. */
  blockerOf(name: string): string | undefined;
}

export function branchNames(names: Iterable<string>): BranchNames {
  const all = new Set<string>();
  /** Of each directory one that is in it. */
  const below = new Map<string, string>();
  const above = (name: string): readonly string[] => {
    const parts = name.split("/");
    return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
  };
  const add = (name: string): void => {
    all.add(name);
    for (const directory of above(name)) below.set(directory, name);
  };
  for (const name of names) add(name);
  return {
    has: (name) => all.has(name),
    add,
    blockerOf: (name) => above(name).find((directory) => all.has(directory)) ?? below.get(name),
  };
}

/** The name, or one that is made from it, that none of them is or stands in the way of. */
export function freeBranchName(name: string, names: BranchNames): string {
  // What is above a name is in the way of all that are below, too.
  const blocker = names.blockerOf(name);
  const start = blocker !== undefined && name.startsWith(`${blocker}/`) ? name.replaceAll("/", "-") : name;
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? start : `${start}-${String(number)}`;
    if (!names.has(candidate) && names.blockerOf(candidate) === undefined) return candidate;
  }
}
