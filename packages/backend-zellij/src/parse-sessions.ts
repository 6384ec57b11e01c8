/** A line of `zellij list-sessions`. */
export interface ListedSession {
  readonly name: string;
  /** Dead, kept by zellij to be resurrected. */
  readonly isExited: boolean;
}

// oxlint-disable-next-line no-control-regex -- versions that know no `-n` colour their output
const colours = /\u001b\[[0-9;]*m/gu;

/** What `zellij list-sessions -n` printed: `NAME [Created 1h 2m ago] (EXITED - attach to resurrect)`. */
export function parseSessions(output: string): readonly ListedSession[] {
  return output
    .replace(colours, "")
    .split("\n")
    .map((line) => /^(\S.*?) \[Created .*?\](.*)$/u.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ name: match[1] ?? "", isExited: (match[2] ?? "").includes("(EXITED") }));
}
