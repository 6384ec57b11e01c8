import { readFile, writeFile } from "node:fs/promises";

import { withoutSessionMarks } from "@clauderon/core/host";

/** A daemon that a command inside a session starts belongs to no session: it must not end with that one. Changes this process's own environment. */
export async function leaveSession(environment: NodeJS.ProcessEnv): Promise<void> {
  const kept = withoutSessionMarks(environment);
  for (const name of Object.keys(environment)) if (!(name in kept)) delete environment[name];
  await leaveSessionControlGroup();
}

/** Sessions' control groups are called `clauderon-<id>`; their parent is the way out. */
async function leaveSessionControlGroup(): Promise<void> {
  try {
    const own = /^0::(.*)$/m.exec(await readFile("/proc/self/cgroup", "utf8"))?.[1];
    const outer = own === undefined ? undefined : outsideOfSession(own);
    if (outer !== undefined) await writeFile(`/sys/fs/cgroup${outer}/cgroup.procs`, String(process.pid));
  } catch {
    // No control groups here, or not for this user; the marks alone then decide what belongs to a session.
  }
}

/** The group around the outermost session's group in a path; `undefined` when it has none. */
export function outsideOfSession(path: string): string | undefined {
  const parts = path.split("/");
  const first = parts.findIndex((part) => /^clauderon-[0-9a-f-]{36}/.test(part));
  return first === -1 ? undefined : parts.slice(0, first).join("/") || "/";
}
