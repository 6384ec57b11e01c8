import { UsageError } from "@clauderon/core/contract";

import { globalNameOf, parseJsonFields, type GlobalName } from "../global-flags.ts";
import { fixesFor } from "../strict-arguments.ts";
import type { CommandEntry, CommandGroup, CommandTableRow } from "./command.ts";

export interface FoundCommand {
  /** As typed by its full names: `config get`. Empty for the program itself. */
  readonly path: readonly string[];
  readonly entry: CommandEntry | undefined;
  /** Set when the words stop at a group. */
  readonly group: CommandGroup | undefined;
  /** Global flags that came before the command, as they were written. */
  readonly leading: readonly string[];
  /** What follows the command's name. */
  readonly rest: readonly string[];
}

type Table = Readonly<Record<string, CommandTableRow>>;

/** Walks the words down to the command they name; only global flags may stand in between. */
export function findCommand(table: Table, words: readonly string[]): FoundCommand {
  const leading: string[] = [];
  const path: string[] = [];
  let rows: Table = table;
  let group: CommandGroup | undefined;
  for (const [index, word] of words.entries()) {
    const fallback = group?.takesWords === true ? defaultOf(group) : undefined;
    if (fallback !== undefined && !isGlobal(word) && lookUp(rows, word) === undefined)
      return { path, entry: fallback, group: undefined, leading, rest: words.slice(index) };
    if (word.startsWith("-")) {
      checkGlobal(word, path);
      leading.push(word);
      continue;
    }
    const match = lookUp(rows, word);
    if (match === undefined) throw unknownCommand(word, path, rows);
    path.push(match.name);
    if ("load" in match.row) return { path, entry: match.row, group: undefined, leading, rest: words.slice(index + 1) };
    group = match.row;
    rows = match.row.subCommands;
  }
  return { path, entry: undefined, group, leading, rest: [] };
}

function defaultOf(group: CommandGroup): CommandEntry | undefined {
  const row = group.default === undefined ? undefined : group.subCommands[group.default];
  return row !== undefined && "load" in row ? row : undefined;
}

const isGlobal = (word: string): boolean =>
  word.startsWith("-") && (globalNameOf(word) !== undefined || isCluster(word));

function checkGlobal(word: string, path: readonly string[]): void {
  const name: GlobalName | undefined = globalNameOf(word);
  if (name === undefined && !isCluster(word)) {
    throw new UsageError({
      message: `${["clauderon", ...path].join(" ")} has no option ${word.split("=")[0]}`,
      fix: ["put the options of a command behind its name", "see: clauderon --help"],
      context: { option: word.split("=")[0] },
    });
  }
  if (word.startsWith("--json=")) parseJsonFields(word.slice("--json=".length));
}

/** `-qy`: short global flags in one word. */
function isCluster(word: string): boolean {
  return (
    /^-[a-zA-Z]{2,}$/.test(word) &&
    word
      .slice(1)
      .split("")
      .every((letter) => globalNameOf(`-${letter}`) !== undefined)
  );
}

function lookUp(rows: Table, word: string): { readonly name: string; readonly row: CommandTableRow } | undefined {
  const direct = Object.hasOwn(rows, word) ? rows[word] : undefined;
  if (direct !== undefined) return { name: word, row: direct };
  for (const [name, row] of Object.entries(rows)) {
    if ("load" in row && row.aliases?.includes(word) === true) return { name, row };
  }
  return undefined;
}

function unknownCommand(word: string, path: readonly string[], rows: Table): UsageError {
  const names = Object.entries(rows).flatMap(([name, row]) => [name, ...("load" in row ? (row.aliases ?? []) : [])]);
  const whole = ["clauderon", ...path].join(" ");
  return new UsageError({
    message: `${whole} has no command "${word}"`,
    fix: fixesFor(word, names, `see: ${whole} --help`),
    context: { command: word },
  });
}
