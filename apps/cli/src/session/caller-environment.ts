const OURS = /^CLAUDERON_(SESSION.*|SANDBOX_ID)$/;

/** The environment that an agent on a host backend gets: the caller's, without the marks of a session the caller itself may be in. */
export function callerEnvironment(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !OURS.test(name)));
}
