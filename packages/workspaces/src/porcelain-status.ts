/** One path of `git status --porcelain=v2 -z --no-renames`. Paths are bytes, held one per character (`latin1`). */
export interface StatusEntry {
  readonly kind: "tracked" | "unmerged" | "untracked";
  readonly path: string;
  /** How the index differs from HEAD: `M`, `A`, `D`, `T`, or `.`. */
  readonly index: string;
  /** How the working tree differs from the index. */
  readonly workTree: string;
  readonly indexMode: string;
  readonly indexHash: string;
  readonly workTreeMode: string;
}

export function parsePorcelainStatus(output: Buffer): readonly StatusEntry[] {
  return output
    .toString("latin1")
    .split("\0")
    .flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): StatusEntry | undefined {
  const kind = line.charAt(0);
  if (kind === "?")
    return {
      kind: "untracked",
      path: line.slice(2),
      index: ".",
      workTree: "?",
      indexMode: "000000",
      indexHash: "",
      workTreeMode: "",
    };
  if (kind !== "1" && kind !== "u") return undefined;
  const count = kind === "1" ? 8 : 10;
  const fields = line.split(" ", count);
  const path = line.slice(fields.join(" ").length + 1);
  // 1 XY sub mH mI mW hH hI path; u XY sub m1 m2 m3 mW h1 h2 h3 path
  const [, states = "..", , , indexMode = "", workTreeMode = "", , indexHash = ""] = fields;
  if (kind === "u")
    return {
      kind: "unmerged",
      path,
      index: ".",
      workTree: "U",
      indexMode: "",
      indexHash: "",
      workTreeMode: fields[6] ?? "",
    };
  return {
    kind: "tracked",
    path,
    index: states.charAt(0),
    workTree: states.charAt(1),
    indexMode,
    indexHash,
    workTreeMode,
  };
}

/** For showing to people. */
export function readablePath(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
