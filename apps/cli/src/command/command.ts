import type { ErrorCode } from "@clauderon/core/contract";

import type { CommandContext } from "./command-context.ts";

interface ArgumentBase {
  readonly description: string;
}

/** `--name`; with `default: true` it is written `--no-name`. */
export interface BooleanArgument extends ArgumentBase {
  readonly type: "boolean";
  readonly alias?: string;
  readonly default?: boolean;
}

/** `--name VALUE` or `--name=VALUE`; once, unless repeatable. */
export interface StringArgument extends ArgumentBase {
  readonly type: "string";
  readonly alias?: string;
  readonly valueHint: string;
  readonly repeatable?: boolean;
}

/** One of the words. */
export interface EnumArgument extends ArgumentBase {
  readonly type: "enum";
  readonly alias?: string;
  readonly options: readonly [string, ...string[]];
}

/** By position; a repeatable one comes last and takes the rest. */
export interface PositionalArgument extends ArgumentBase {
  readonly type: "positional";
  readonly required?: boolean;
  readonly repeatable?: boolean;
  /** What completion offers for it. */
  readonly completes?: "sessions" | readonly string[];
}

export type Argument = BooleanArgument | StringArgument | EnumArgument | PositionalArgument;
export type Arguments = Readonly<Record<string, Argument>>;

type ValueOf<A extends Argument> = A extends { readonly type: "boolean" }
  ? boolean
  : A extends { readonly repeatable: true }
    ? readonly string[]
    : A extends { readonly type: "enum"; readonly options: readonly (infer Word)[] }
      ? Word | undefined
      : A extends { readonly required: true }
        ? string
        : string | undefined;

export type ArgumentValues<A extends Arguments> = { readonly [Name in keyof A]: ValueOf<A[Name]> };

/** What a command is run with. */
export interface Invocation<Values> {
  readonly args: Values;
  /** What followed `--`. */
  readonly tail: readonly string[];
  readonly context: CommandContext;
}

export interface CommandDefinition<A extends Arguments> {
  readonly meta: { readonly name: string; readonly description: string };
  readonly args: A;
  /** Complete command lines without the leading `clauderon`. */
  readonly examples: readonly [string, ...string[]];
  /** Whether a command line of somebody else follows `--`. */
  readonly tail?: string;
  /** Fields that `--json=…` may name. Absent: there is nothing to choose from. */
  readonly jsonFields?: readonly string[];
  /** Further paragraphs of its help. */
  readonly notes?: readonly string[];
  /** Where its exit codes differ from the table of all errors. */
  readonly exitCodes?: (code: ErrorCode) => number | undefined;
  /** Resolves with the exit code; nothing = 0. */
  run(invocation: Invocation<ArgumentValues<A>>): Promise<number | undefined>;
}

/** A command whose argument types are erased: what the front end works with. */
export type Command = CommandDefinition<Arguments>;

/** A command that only holds others, groups among them. */
export interface CommandGroup {
  readonly description: string;
  readonly subCommands: Readonly<Record<string, CommandTableRow>>;
  /** The one that runs when none is named. */
  readonly default?: string;
  /** Words that are no subcommand, and options, are the default's. */
  readonly takesWords?: boolean;
}

/** How a command is found: what lists need, and a way to load the rest. */
export interface CommandEntry {
  readonly description: string;
  readonly aliases?: readonly string[];
  readonly load: () => Promise<Command>;
}

export type CommandTableRow = CommandEntry | CommandGroup;

export function defineCommand<const A extends Arguments>(definition: CommandDefinition<A>): Command {
  // The front end has parsed the values by these very definitions.
  return definition;
}
