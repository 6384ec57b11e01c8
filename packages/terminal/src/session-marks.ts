/** Carried by every process of a sandbox: `<instanceId>/<sandboxId>`. */
export const sandboxMark = "CLAUDERON_SANDBOX_ID";

/** Carried by the daemon and session hosts, whoever started them: what has it is never ended with a session. */
export const keeperMark = "CLAUDERON_KEEPER";

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment without what tells that it is inside a session: for programs that must outlive the session that started them. */
export function withoutSessionMarks(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || name.startsWith("CLAUDERON_SESSION") || name === sandboxMark || name === keeperMark)
      continue;
    kept[name] = value;
  }
  return kept;
}

/** The environment for the daemon and session hosts, with which they survive the stop of a session that started them. */
export function keeperEnvironment(environment: Environment): Record<string, string> {
  return { ...withoutSessionMarks(environment), [keeperMark]: "1" };
}
