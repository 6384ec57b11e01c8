import { errorTable } from "@clauderon/core/contract";

import type { Argument, CommandTableRow } from "../command/command.ts";
import { flagText, globalArguments } from "../global-flags.ts";

interface OptionDescription {
  /** As it is written, as in `--base`; a positional by its name. */
  readonly name: string;
  readonly type: Argument["type"];
  readonly description: string;
  readonly alias?: string | undefined;
  readonly values?: readonly string[] | undefined;
  readonly isRequired: boolean;
  readonly isRepeatable: boolean;
}

interface CommandDescription {
  /** Without the leading `clauderon`. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly arguments: readonly OptionDescription[];
  /** What follows `--`. */
  readonly tail?: string | undefined;
  readonly jsonFields?: readonly string[] | undefined;
  readonly examples: readonly string[];
}

/** The whole command line as data, for programs that use it. */
export interface CommandDescriptions {
  readonly schemaVersion: 1;
  readonly globalOptions: readonly OptionDescription[];
  readonly commands: readonly CommandDescription[];
  /** Exit code by code of an error. */
  readonly exitCodes: Readonly<Record<string, number>>;
}

export async function commandDescriptions(
  table: Readonly<Record<string, CommandTableRow>>,
): Promise<CommandDescriptions> {
  return {
    schemaVersion: 1,
    globalOptions: describeArguments(globalArguments),
    commands: await describeRows(table, []),
    exitCodes: Object.fromEntries(Object.entries(errorTable).map(([code, { exitCode }]) => [code, exitCode])),
  };
}

async function describeRows(
  rows: Readonly<Record<string, CommandTableRow>>,
  path: readonly string[],
): Promise<readonly CommandDescription[]> {
  const described = await Promise.all(
    Object.entries(rows).map(async ([name, row]): Promise<readonly CommandDescription[]> => {
      const here = [...path, name];
      if (!("load" in row)) return describeRows(row.subCommands, here);
      const command = await row.load();
      return [
        {
          name: here.join(" "),
          aliases: row.aliases ?? [],
          description: command.meta.description,
          arguments: describeArguments(command.args),
          tail: command.tail,
          jsonFields: command.jsonFields,
          examples: command.examples.map((example) => `clauderon ${example}`),
        },
      ];
    }),
  );
  return described.flat();
}

function describeArguments(all: Readonly<Record<string, Argument>>): readonly OptionDescription[] {
  return Object.entries(all).map(([name, argument]) => ({
    name:
      argument.type === "positional"
        ? name
        : flagText(name, argument.type === "boolean" ? argument.default : undefined),
    type: argument.type,
    description: argument.description,
    alias: "alias" in argument && argument.alias !== undefined ? `-${argument.alias}` : undefined,
    values: argument.type === "enum" ? argument.options : undefined,
    isRequired: "required" in argument && argument.required,
    isRepeatable: "repeatable" in argument && argument.repeatable,
  }));
}
