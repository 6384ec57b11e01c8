import { realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";

import { UsageError, type Session } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";

/** The session that is meant without a name: the one this runs in, or the one whose worktree this is. */
export async function currentSession(
  context: Pick<CommandContext, "environment" | "currentDirectory" | "access">,
): Promise<string | undefined> {
  const { CLAUDERON_SESSION_ID: id, CLAUDERON_SESSION: name } = context.environment;
  if (name !== undefined && name !== "") return name;
  if (id !== undefined && id !== "") return id;
  const worktrees = await realpath(join(await context.access.homeDirectory(), "worktrees")).catch(notThere);
  const here = await realpath(context.currentDirectory).catch(notThere);
  if (worktrees === undefined || here === undefined) return undefined;
  const [first = ""] = relative(worktrees, here).split(sep);
  return first === "" || first === ".." ? undefined : first;
}

/** A directory that does not exist cannot be the place of a session. */
const notThere = (): undefined => undefined;

/** By name, by where the command runs, or by asking. */
export async function resolveSession(name: string | undefined, context: CommandContext): Promise<Session> {
  const known = name ?? (await currentSession(context));
  const client = await context.client();
  if (known !== undefined) return client.sessions.get(known, { signal: context.signal });
  const needsName = new UsageError({
    code: "usage.needs-input",
    message: "Which session?",
    why: "this is not inside a session's worktree",
    fix: ["name the session", "see their names: clauderon list -q"],
  });
  if (!context.canPrompt) throw needsName;
  const sessions = await client.sessions.list({ signal: context.signal });
  if (sessions.length === 0) throw needsName;
  const chosen = await context.prompts.select(
    "Which session?",
    sessions.map((session) => ({ value: session.name, hint: session.state })),
  );
  return client.sessions.get(chosen, { signal: context.signal });
}
