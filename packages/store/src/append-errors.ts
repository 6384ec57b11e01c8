import { SessionError, type AppendRequest } from "@clauderon/core/contract";

export function nameTakenError(name: string): SessionError {
  return new SessionError({
    code: "session.name-taken",
    message: `A session named ${name} exists`,
    fix: ["choose another name: --name NAME", `remove that one: clauderon delete ${name}`],
    context: { name },
  });
}

/** The caller decided on a state that is no longer the stored one. */
export function revisionError(request: AppendRequest, revision: number): SessionError {
  const { sessionName: name, sessionId, expectedRevision } = request;
  return new SessionError({
    code: "session.wrong-state",
    message: `Session ${name} changed meanwhile`,
    why: `it is at revision ${revision}, not at ${expectedRevision}`,
    fix: ["repeat the command"],
    context: { name, sessionId, revision, expectedRevision },
  });
}
