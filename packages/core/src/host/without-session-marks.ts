/** Set in every process of a session; `CLAUDERON_SANDBOX_ID` is what process trees are found by. */
const sessionMarks = new Set(["CLAUDERON_SESSION", "CLAUDERON_SESSION_ID", "CLAUDERON_SANDBOX_ID"]);

/** The environment without what marks a process as belonging to a session: daemon and session hosts are started with it. */
export function withoutSessionMarks(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !sessionMarks.has(entry[0]),
  );
  return Object.fromEntries(entries);
}
