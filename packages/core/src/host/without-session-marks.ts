import { keeperVariable, markerVariable } from "./processes/process-marks.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment without what tells that it is inside a session, or that it is a keeper's. */
export function withoutSessionMarks(environment: Environment): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !entry[0].startsWith("CLAUDERON_SESSION") &&
      entry[0] !== markerVariable &&
      entry[0] !== keeperVariable,
  );
  return Object.fromEntries(entries);
}

/** The environment for the daemon and session hosts, with which they survive the stop of a session that started them. */
export function keeperEnvironment(environment: Environment): Record<string, string> {
  return { ...withoutSessionMarks(environment), [keeperVariable]: "1" };
}
