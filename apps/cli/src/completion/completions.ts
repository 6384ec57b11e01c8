import { commandTable } from "../command-table.ts";
import type { CommandContext } from "../command/command-context.ts";
import type { Argument, Command, CommandTableRow } from "../command/command.ts";
import { flagText } from "../global-flags.ts";
import { flagsOf, splitTail } from "../strict-arguments.ts";
import { runningSessions } from "./running-sessions.ts";

const DAEMON_MS = 150;

export interface Completion {
  readonly value: string;
  readonly description: string;
}

/** What can stand for the last word. Never starts the daemon, never fails: no answer in time is no names. */
export async function completions(words: readonly string[], context: CommandContext): Promise<readonly Completion[]> {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  // Behind -- stands a command line of somebody else.
  if (splitTail(before).tail !== undefined) return [];
  const all = await candidates(before, last, context);
  return all.filter(({ value }) => value.startsWith(last));
}

async function candidates(
  before: readonly string[],
  last: string,
  context: CommandContext,
): Promise<readonly Completion[]> {
  let rows: Readonly<Record<string, CommandTableRow>> = commandTable;
  let rest = before;
  for (;;) {
    const index = rest.findIndex((word) => !word.startsWith("-"));
    const word = rest[index];
    if (word === undefined) return last.startsWith("-") ? flagCompletions({}) : rowCompletions(rows);
    const row = lookUp(rows, word);
    if (row === undefined) return [];
    rest = rest.slice(index + 1);
    if ("load" in row) return leafCompletions(await row.load(), { rest, last }, context);
    rows = row.subCommands;
  }
}

function lookUp(rows: Readonly<Record<string, CommandTableRow>>, word: string): CommandTableRow | undefined {
  const alias = Object.values(rows).find((row) => "load" in row && row.aliases?.includes(word) === true);
  return Object.hasOwn(rows, word) ? rows[word] : alias;
}

function rowCompletions(rows: Readonly<Record<string, CommandTableRow>>): readonly Completion[] {
  return Object.entries(rows).map(([value, { description }]) => ({ value, description }));
}

function flagCompletions(args: Command["args"]): readonly Completion[] {
  return [...flagsOf(args)]
    .filter(([written]) => written.startsWith("--"))
    .map(([written, { argument }]) => ({
      value: argument.type === "boolean" ? written : `${written}=`,
      description: argument.description,
    }));
}

async function leafCompletions(
  command: Command,
  words: { readonly rest: readonly string[]; readonly last: string },
  context: CommandContext,
): Promise<readonly Completion[]> {
  const { rest, last } = words;
  const flags = flagsOf(command.args);
  const [written = ""] = last.split("=");
  if (last.startsWith("--") && last.includes("=")) {
    const match = flags.get(written);
    const values = await valuesOf(match?.name, match?.argument, context);
    return values.map((each) => ({ ...each, value: `${flagText(match?.name ?? "", false)}=${each.value}` }));
  }
  const previous = flags.get(rest.at(-1) ?? "");
  if (previous !== undefined && previous.argument.type !== "boolean") {
    return valuesOf(previous.name, previous.argument, context);
  }
  if (last.startsWith("-")) return flagCompletions(command.args);
  const typed = rest.filter((word, index) => {
    const owner = flags.get(rest[index - 1] ?? "");
    return !word.startsWith("-") && (owner === undefined || owner.argument.type === "boolean");
  });
  const positionals = Object.values(command.args).filter((argument) => argument.type === "positional");
  const next = positionals[typed.length] ?? positionals.findLast((argument) => argument.repeatable === true);
  if (next?.completes === undefined) return [];
  if (next.completes !== "sessions") return next.completes.map((value) => ({ value, description: "" }));
  const names = await sessionNames(context);
  return names.filter(({ value }) => !typed.includes(value));
}

async function valuesOf(
  name: string | undefined,
  argument: Argument | undefined,
  context: CommandContext,
): Promise<readonly Completion[]> {
  if (argument?.type === "enum") return argument.options.map((value) => ({ value, description: "" }));
  if (name === "agent") {
    const agents = await context.access.agents();
    return agents.map(({ agentId, displayName }) => ({ value: agentId, description: displayName }));
  }
  if (name === "session") return sessionNames(context);
  if (name !== "backend") return [];
  const { backends } = await context.access.settings();
  return ["auto", "local", "zellij", ...Object.keys(backends)].map((value) => ({ value, description: "" }));
}

async function sessionNames(context: CommandContext): Promise<readonly Completion[]> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(DAEMON_MS)]);
  try {
    const sessions = await runningSessions(context.environment, signal);
    return sessions.map(({ name, state, agent }) => ({ value: name, description: `${state}, ${agent}` }));
  } catch {
    // A shell that completes has no place for an error.
    return [];
  }
}
