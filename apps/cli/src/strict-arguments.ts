import { UsageError } from "@clauderon/core/contract";

import type { Argument, Arguments, Command } from "./command/command.ts";
import { flagText, globalArguments, parseJsonFields, type GlobalName } from "./global-flags.ts";
import { nearest } from "./nearest.ts";

export type ParsedValue = string | boolean | readonly string[] | undefined;

export interface ParsedArguments {
  readonly values: Readonly<Record<string, ParsedValue>>;
  readonly globals: ReadonlySet<GlobalName>;
  readonly jsonFields: readonly string[] | undefined;
}

interface FlagMatch {
  readonly name: string;
  readonly argument: Exclude<Argument, { readonly type: "positional" }>;
  readonly isGlobal: boolean;
  readonly isNegative: boolean;
}

/** What follows the first `--` belongs to somebody else and is not looked at. */
export function splitTail(argv: readonly string[]): {
  readonly head: readonly string[];
  readonly tail?: readonly string[];
} {
  const index = argv.indexOf("--");
  if (index < 0) return { head: argv };
  return { head: argv.slice(0, index), tail: argv.slice(index + 1) };
}

/** Every flag that a command knows, as written, to its definition. */
export function flagsOf(args: Arguments): ReadonlyMap<string, FlagMatch> {
  const flags = new Map<string, FlagMatch>();
  const add = (name: string, argument: Argument, isGlobal: boolean): void => {
    if (argument.type === "positional") return;
    const isNegative = argument.type === "boolean" && argument.default === true;
    const match: FlagMatch = { name, argument, isGlobal, isNegative };
    flags.set(flagText(name, isNegative), match);
    if (argument.alias !== undefined) flags.set(`-${argument.alias}`, match);
  };
  for (const [name, argument] of Object.entries(globalArguments)) add(name, argument, true);
  for (const [name, argument] of Object.entries(args)) add(name, argument, false);
  return flags;
}

/** The words that are no option's value: among them stand the options themselves. */
export function withoutValues(tokens: readonly string[], args: Arguments): readonly string[] {
  const flags = flagsOf(args);
  const isValued = (written: string): boolean => (flags.get(written)?.argument.type ?? "boolean") !== "boolean";
  const takesNext = (token: string): boolean => {
    if (!token.startsWith("-") || token.startsWith("--")) return isValued(token);
    const valued = token
      .slice(1)
      .split("")
      .findIndex((letter) => isValued(`-${letter}`));
    // A value that is glued to its letter is all of it.
    return valued >= 0 && valued === token.length - 2;
  };
  const kept: string[] = [];
  let isValue = false;
  for (const token of tokens) {
    if (!isValue) kept.push(token);
    isValue = !isValue && takesNext(token);
  }
  return kept;
}

/** Parses the words after a command's name by its definition; everything that is not understood is a `UsageError`. */
export function parseArguments(
  commandName: string,
  tokens: readonly string[],
  definition: Pick<Command, "args" | "tail">,
): ParsedArguments {
  return new ArgumentParser(commandName, definition).parse(tokens);
}

class ArgumentParser {
  readonly #commandName: string;
  readonly #args: Arguments;
  readonly #hasTail: boolean;
  readonly #flags: ReadonlyMap<string, FlagMatch>;
  readonly #values = new Map<string, string | boolean | string[]>();
  readonly #globals = new Set<GlobalName>();
  readonly #positionals: string[] = [];
  #jsonFields: readonly string[] | undefined;

  constructor(commandName: string, definition: Pick<Command, "args" | "tail">) {
    this.#commandName = commandName;
    this.#args = definition.args;
    this.#hasTail = definition.tail !== undefined;
    this.#flags = flagsOf(definition.args);
  }

  parse(tokens: readonly string[]): ParsedArguments {
    const queue = [...tokens];
    for (let token = queue.shift(); token !== undefined; token = queue.shift()) {
      if (!token.startsWith("-") || token === "-") this.#positionals.push(token);
      else if (token.startsWith("--")) this.#takeLong(token, queue);
      else this.#takeShort(token, queue);
    }
    this.#assignPositionals();
    const values: Record<string, ParsedValue> = {};
    for (const [name, argument] of Object.entries(this.#args)) {
      values[name] = this.#values.get(name) ?? defaultOf(argument);
    }
    return { values, globals: this.#globals, jsonFields: this.#jsonFields };
  }

  #takeLong(token: string, queue: string[]): void {
    const equals = token.indexOf("=");
    const written = equals < 0 ? token : token.slice(0, equals);
    const value = equals < 0 ? undefined : token.slice(equals + 1);
    const match = this.#flags.get(written);
    if (match === undefined) throw this.#unknownFlag(written);
    if (match.isGlobal && match.name === "json") {
      this.#takeJson(value);
      return;
    }
    if (match.argument.type !== "boolean") {
      this.#store(match, written, value ?? this.#nextValue(match, written, queue));
      return;
    }
    if (value !== undefined) {
      throw new UsageError({
        message: `${written} takes no value`,
        fix: [`write ${written} alone`, `see: clauderon ${this.#commandName} --help`],
      });
    }
    this.#setBoolean(match);
  }

  #takeShort(token: string, queue: string[]): void {
    for (let index = 1; index < token.length; index += 1) {
      const written = `-${token[index]}`;
      const match = this.#flags.get(written);
      if (match === undefined) throw this.#unknownFlag(token.length === 2 ? token : written, token);
      if (match.argument.type !== "boolean") {
        const rest = token.slice(index + 1);
        const glued = rest.startsWith("=") ? rest.slice(1) : rest;
        this.#store(match, written, rest === "" ? this.#nextValue(match, written, queue) : glued);
        return;
      }
      this.#setBoolean(match);
    }
  }

  #takeJson(value: string | undefined): void {
    const fields = value === undefined ? undefined : parseJsonFields(value);
    if (this.#globals.has("json") && String(fields) !== String(this.#jsonFields)) throw this.#repeated("--json");
    this.#globals.add("json");
    this.#jsonFields = fields;
  }

  #setBoolean(match: FlagMatch): void {
    if (match.isGlobal) this.#globals.add(match.name as GlobalName);
    else this.#values.set(match.name, !match.isNegative);
  }

  /** As everywhere (POSIX): what stands behind an option that takes a value is its value, whatever it looks like. */
  #nextValue(match: FlagMatch, written: string, queue: string[]): string {
    const next = queue.shift();
    if (next !== undefined) return next;
    throw new UsageError({
      message: `${written} needs a value`,
      fix: [
        `write ${flagText(match.name, false)}=${valueHint(match.argument)}`,
        `see: clauderon ${this.#commandName} --help`,
      ],
    });
  }

  #store(match: FlagMatch, written: string, value: string): void {
    const argument = match.argument;
    if (value === "") {
      throw new UsageError({
        message: `${written} has an empty value`,
        fix: [`write ${flagText(match.name, false)}=${valueHint(argument)}`, "or leave the option out"],
      });
    }
    if (argument.type === "enum" && !argument.options.includes(value)) {
      throw new UsageError({
        message: `${written} cannot be "${value}"`,
        fix: fixesFor(value, argument.options, `choose one of: ${argument.options.join(", ")}`),
      });
    }
    if (argument.type === "string" && argument.repeatable === true) {
      const known = this.#values.get(match.name);
      this.#values.set(match.name, Array.isArray(known) ? [...known, value] : [value]);
      return;
    }
    if (this.#values.has(match.name)) throw this.#repeated(written);
    this.#values.set(match.name, value);
  }

  #assignPositionals(): void {
    const queue = [...this.#positionals];
    for (const [name, argument] of Object.entries(this.#args)) {
      if (argument.type !== "positional") continue;
      if (argument.repeatable === true) {
        this.#values.set(name, queue.splice(0));
      } else {
        const value = queue.shift();
        if (value !== undefined) this.#values.set(name, value);
      }
      const value = this.#values.get(name);
      if (argument.required === true && (value === undefined || (Array.isArray(value) && value.length === 0))) {
        throw new UsageError({
          message: `clauderon ${this.#commandName} needs ${name.toUpperCase()}`,
          fix: [`see: clauderon ${this.#commandName} --help`],
        });
      }
    }
    const [extra] = queue;
    if (extra === undefined) return;
    const seeHelp = `see: clauderon ${this.#commandName} --help`;
    throw new UsageError({
      message: `clauderon ${this.#commandName} does not take "${extra}"`,
      fix: this.#hasTail ? ["put the command to run behind --", seeHelp] : [seeHelp],
    });
  }

  #repeated(written: string): UsageError {
    return new UsageError({
      message: `${written} is given more than once`,
      fix: [`keep one of them`],
    });
  }

  #unknownFlag(written: string, token: string = written): UsageError {
    const known = [...this.#flags.keys()];
    return new UsageError({
      message: `clauderon ${this.#commandName} has no option ${written}${token === written ? "" : ` (in ${token})`}`,
      fix: fixesFor(written, known, `see: clauderon ${this.#commandName} --help`),
      context: { option: written },
    });
  }
}

function defaultOf(argument: Argument): ParsedValue {
  if (argument.type === "boolean") return argument.default ?? false;
  if (argument.type !== "enum" && argument.repeatable === true) return [];
  return undefined;
}

function valueHint(argument: Argument): string {
  if (argument.type === "string") return argument.valueHint;
  return argument.type === "enum" ? argument.options.join("|") : "VALUE";
}

/** Fix lines for a word that was nearly right: what was probably meant, then the others. */
export function fixesFor(
  word: string,
  candidates: readonly string[],
  ...otherwise: [string, ...string[]]
): [string, ...string[]] {
  const meant = nearest(word, candidates);
  return meant === undefined ? otherwise : [`did you mean ${meant}?`, ...otherwise];
}
