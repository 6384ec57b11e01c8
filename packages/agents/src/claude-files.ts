import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { parseJson } from "@clauderon/core/host";

import { type ConversationState, findLine } from "./conversation.ts";
import { listDirectory } from "./list-directory.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Claude Code keeps conversations. */
function claudeDirectory(environment: Environment): string {
  return environment["CLAUDE_CONFIG_DIR"] || join(environment["HOME"] ?? "/", ".claude");
}

/** The file in which Claude Code keeps what the user answered it, the trusted folders among it. */
export function claudeStatePath(environment: Environment): string {
  return join(environment["CLAUDE_CONFIG_DIR"] || (environment["HOME"] ?? "/"), ".claude.json");
}

/** Conversations lie in `projects/<directory, other characters than letters and digits as ->/<id>.jsonl`. */
export async function claudeConversation(environment: Environment, id: string): Promise<ConversationState> {
  const projects = join(claudeDirectory(environment), "projects");
  let state: ConversationState = "absent";
  for (const project of await listDirectory(projects)) {
    const path = join(projects, project, `${id}.jsonl`);
    if (!existsSync(path)) continue;
    if ((await findLine(path, isMessage)) !== undefined) return "present";
    state = "empty";
  }
  return state;
}

/** Where the agent worked that had this conversation; absent when there is no message of it. */
export async function claudeConversationPlace(environment: Environment, id: string): Promise<string | undefined> {
  const projects = join(claudeDirectory(environment), "projects");
  for (const project of await listDirectory(projects)) {
    const path = join(projects, project, `${id}.jsonl`);
    const line = existsSync(path) ? await findLine(path, isMessage) : undefined;
    const message = line === undefined ? undefined : parseJson(line, path);
    if (typeof message === "object" && message !== null && "cwd" in message && typeof message.cwd === "string")
      return message.cwd;
  }
  return undefined;
}

/** Quotes in texts are escaped: this is the field itself. */
function isMessage(line: string): boolean {
  return line.includes('"type":"user"') || line.includes('"type":"assistant"');
}

/** Whether Claude Code takes the directory for trusted: it, or one around it, was answered for. */
export async function isTrustedByClaude(environment: Environment, directory: string): Promise<boolean> {
  const path = claudeStatePath(environment);
  try {
    const projects = objectIn(parseJson(await readFile(path, "utf8"), path), "projects");
    for (let place = directory; ; place = dirname(place)) {
      if (objectIn(projects, place)["hasTrustDialogAccepted"] === true) return true;
      if (place === dirname(place)) return false;
    }
  } catch {
    // Absent or unreadable: then Claude Code asks, and that is all there is to know here.
    return false;
  }
}

/** A member that is an object; an empty one otherwise. */
export function objectIn(value: unknown, key: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return {};
  const member: unknown = Reflect.get(value, key);
  return typeof member === "object" && member !== null ? (member as Readonly<Record<string, unknown>>) : {};
}
