import type { Argument, Command, CommandGroup } from "../command/command.ts";
import type { FoundCommand } from "../command/find-command.ts";
import { flagText, globalArguments } from "../global-flags.ts";
import { mainHelp } from "./main-help.ts";
import type { Style } from "./style.ts";

type Line = readonly [left: string, right: string];

/** The help of what was found: the program, a group, or a command. */
export async function helpFor(found: Pick<FoundCommand, "path" | "entry" | "group">, style: Style): Promise<string> {
  const name = found.path.join(" ");
  if (found.entry !== undefined) return commandHelp(name, await found.entry.load(), style);
  if (found.group !== undefined) return groupHelp(name, found.group, style);
  return mainHelp;
}

function groupHelp(name: string, group: CommandGroup, style: Style): string {
  const commands = Object.entries(group.subCommands).map(([word, entry]): Line => [
    word,
    `${entry.description}${word === group.default ? " (default)" : ""}`,
  ]);
  return [
    group.description,
    "",
    `Usage: clauderon ${name} ${group.default === undefined ? "COMMAND" : "[COMMAND]"}`,
    "",
    style.bold("Commands"),
    ...columns(commands),
    "",
    `Help on one: clauderon ${name} COMMAND --help`,
    "",
  ].join("\n");
}

/** Usage, arguments, options, examples of one command. */
export function commandHelp(name: string, command: Command, style: Style): string {
  const positionals = Object.entries(command.args).flatMap(([word, argument]): Line[] =>
    argument.type === "positional" ? [[word.toUpperCase(), argument.description]] : [],
  );
  const options = Object.entries(command.args).flatMap(([word, argument]) => optionLine(word, argument));
  const globals = Object.entries(globalArguments).flatMap(([word, argument]) => optionLine(word, argument));
  const section = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ["", style.bold(title), ...lines];
  return [
    command.meta.description,
    "",
    `Usage: ${usageOf(name, command)}`,
    ...section("Arguments", columns(positionals)),
    ...section("Options", columns(options)),
    ...section("Global options", columns(globals)),
    ...section(
      "Examples",
      command.examples.map((example) => `  clauderon ${example}`),
    ),
    ...(command.jsonFields === undefined ? [] : ["", `Fields of --json: ${command.jsonFields.join(", ")}`]),
    ...(command.notes ?? []).flatMap((note) => ["", note]),
    "",
  ].join("\n");
}

function usageOf(name: string, command: Command): string {
  const words = Object.entries(command.args).flatMap(([word, argument]) => {
    if (argument.type !== "positional") return [];
    const text = `${word.toUpperCase()}${argument.repeatable === true ? "…" : ""}`;
    return [argument.required === true ? text : `[${text}]`];
  });
  const tail = command.tail === undefined ? [] : ["--", command.tail];
  const hasOptions = Object.values(command.args).some((argument) => argument.type !== "positional");
  return ["clauderon", name, ...words, ...(hasOptions ? ["[OPTIONS]"] : []), ...tail].join(" ");
}

function optionLine(name: string, argument: Argument): readonly Line[] {
  if (argument.type === "positional") return [];
  const short = argument.alias === undefined ? "    " : `-${argument.alias}, `;
  const long = flagText(name, argument.type === "boolean" ? argument.default : false);
  const value =
    argument.type === "string"
      ? ` ${argument.valueHint}`
      : argument.type === "enum"
        ? ` ${argument.options.join("|")}`
        : "";
  const again = argument.type === "string" && argument.repeatable === true ? " (repeatable)" : "";
  return [[`${short}${long}${value}`, `${argument.description}${again}`]];
}

function columns(lines: readonly Line[]): readonly string[] {
  const width = Math.min(34, Math.max(0, ...lines.map(([left]) => left.length)));
  return lines.map(([left, right]) =>
    left.length > width ? `  ${left}\n  ${" ".repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
  );
}
