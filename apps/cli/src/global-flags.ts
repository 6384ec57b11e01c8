import { UsageError } from "@clauderon/core/contract";

import type { GlobalFlags } from "./command/command-context.ts";
import type { BooleanArgument } from "./command/command.ts";

/** Accepted before and after every command; `--json[=FIELDS]` is the only one with a value. */
export const globalArguments: Readonly<
  Record<"quiet" | "json" | "color" | "input" | "yes" | "debug" | "help" | "version", BooleanArgument>
> = {
  json: { type: "boolean", description: "print JSON; --json=FIELD,FIELD only these fields" },
  quiet: { type: "boolean", alias: "q", description: "names only; no hints and notices" },
  yes: { type: "boolean", alias: "y", description: "answer yes to what would be asked" },
  input: { type: "boolean", default: true, description: "never ask; fail with the option that answers" },
  color: { type: "boolean", default: true, description: "no colours (also NO_COLOR)" },
  debug: { type: "boolean", description: "show causes and stack traces of errors" },
  help: { type: "boolean", alias: "h", description: "show help" },
  version: { type: "boolean", alias: "V", description: "show the version" },
};

export type GlobalName = keyof typeof globalArguments;

/** The flag as it is written: booleans that are on by default only exist as `--no-…`. */
export function flagText(name: string, isDefault: boolean | undefined): string {
  return isDefault === true ? `--no-${name}` : `--${name}`;
}

/** The global flag that the token is, without its `--json` value. */
export function globalNameOf(token: string): GlobalName | undefined {
  if (token === "--json" || token.startsWith("--json=")) return "json";
  return (Object.keys(globalArguments) as GlobalName[]).find((name) => {
    const argument = globalArguments[name];
    return (
      token === flagText(name, argument.default) || (argument.alias !== undefined && token === `-${argument.alias}`)
    );
  });
}

export function readGlobalFlags(
  names: ReadonlySet<GlobalName>,
  jsonFields: readonly string[] | undefined,
): GlobalFlags {
  return {
    isQuiet: names.has("quiet"),
    isJson: names.has("json"),
    jsonFields,
    isColorless: names.has("color"),
    mayPrompt: !names.has("input"),
    isYes: names.has("yes"),
    isDebug: names.has("debug"),
  };
}

/** `a,b` of `--json=a,b`. */
export function parseJsonFields(text: string): readonly string[] {
  const fields = text.split(",").map((field) => field.trim());
  if (fields.includes("")) {
    throw new UsageError({
      message: "--json= needs names of fields, separated by commas",
      fix: ["for all fields write --json", "for some write --json=name,state"],
    });
  }
  return fields;
}
