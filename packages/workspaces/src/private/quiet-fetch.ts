/** Options of every `git fetch` between git directories of sessions: it moves what it is told to, and nothing else. */
export const quietFetch: readonly string[] = [
  "--quiet",
  "--no-tags",
  "--no-write-fetch-head",
  "--no-recurse-submodules",
  "--no-auto-maintenance",
];
