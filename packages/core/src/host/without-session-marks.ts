import { keeperVariable, markerVariable } from "./processes/process-marks.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Names the variables that a session's proxy gave it, with spaces between. */
export const proxyMark = "CLAUDERON_SESSION_PROXY";

/** The environment without what tells that it is inside a session, what was given to that session alone, and what tells that it is a keeper's. */
export function withoutSessionMarks(environment: Environment): Record<string, string> {
  const given = new Set(environment[proxyMark]?.split(" "));
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !entry[0].startsWith("CLAUDERON_SESSION") &&
      entry[0] !== markerVariable &&
      entry[0] !== keeperVariable &&
      !given.has(entry[0]),
  );
  return Object.fromEntries(entries);
}

/** The environment for the daemon and session hosts, with which they survive the stop of a session that started them. */
export function keeperEnvironment(environment: Environment): Record<string, string> {
  return { ...withoutSessionMarks(environment), [keeperVariable]: "1" };
}
