/** What a version of zellij is good for here. */
export type VersionVerdict = "usable" | "too-old" | "loses-tabs" | "unreadable";

export interface ZellijVersion {
  /** As `MAJOR.MINOR.PATCH`; absent when it cannot be read. */
  readonly version?: string | undefined;
  readonly verdict: VersionVerdict;
}

/** The first version whose background sessions are reliable. */
export const neededVersion = "0.44.3";

/** Tabs added while nobody is attached are lost: https://github.com/zellij-org/zellij/issues/5594. Sessions with one tab are not touched by it. */
const tabLosingVersions: ReadonlySet<string> = new Set(["0.45.0", "0.45.1"]);

/** Judges what `zellij --version` printed. */
export function judgeVersion(text: string): ZellijVersion {
  const match = /(\d+)\.(\d+)\.(\d+)/u.exec(text);
  if (match === null) return { verdict: "unreadable" };
  const version = match[0];
  if (compareVersions(version, neededVersion) < 0) return { version, verdict: "too-old" };
  return { version, verdict: tabLosingVersions.has(version) ? "loses-tabs" : "usable" };
}

function compareVersions(left: string, right: string): number {
  const numbers = right.split(".").map(Number);
  for (const [index, part] of left.split(".").map(Number).entries()) {
    const difference = part - (numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
