import { describe, expect, test } from "vitest";

import { commandTable } from "../src/command-table.ts";
import type { Command, CommandEntry, CommandTableRow } from "../src/command/command.ts";
import { findCommand } from "../src/command/find-command.ts";
import { helpTopics } from "../src/output/help-topics.ts";
import { mainHelp } from "../src/output/main-help.ts";
import { parseArguments, splitTail } from "../src/strict-arguments.ts";
import { runInProcess } from "./run-in-process.ts";

interface Entry {
  readonly path: string;
  readonly entry: CommandEntry;
}

const entries = entriesOf(commandTable, []);

function entriesOf(rows: Readonly<Record<string, CommandTableRow>>, path: readonly string[]): readonly Entry[] {
  return Object.entries(rows).flatMap(([name, row]) =>
    "load" in row ? [{ path: [...path, name].join(" "), entry: row }] : entriesOf(row.subCommands, [...path, name]),
  );
}

/** The words of an example as a shell would cut them. */
function shellWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? "",
  );
}

describe("main help", () => {
  test("names every command, each alias, and nothing else", () => {
    const listed = [...mainHelp.matchAll(/^ {2}([a-z]+)(?: \(([\w-]+)\))? {2,}(\S.*)$/gm)].map(
      ([, name = "", alias, description]) => ({ name, alias, description }),
    );
    const expected = Object.entries(commandTable).map(([name, row]) => ({
      name,
      alias: "load" in row ? row.aliases?.[0] : undefined,
      description: row.description,
    }));
    expect(listed.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual(
      expected.toSorted((a, b) => a.name.localeCompare(b.name)),
    );
  });

  test("fits a screen, and its examples parse", async () => {
    expect(mainHelp.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
    for (const [, example = ""] of mainHelp.matchAll(/^ {2}clauderon (.+)$/gm)) await parseExample(example);
  });
});

async function parseExample(example: string): Promise<Command> {
  const [line = ""] = example.split(" | ");
  const { head, tail } = splitTail(shellWords(line));
  const found = findCommand(commandTable, head);
  const command = await found.entry?.load();
  if (command === undefined) throw new Error(`no command: ${example}`);
  parseArguments(found.path.join(" "), [...found.leading, ...found.rest], command);
  expect(tail === undefined || command.tail !== undefined).toBe(true);
  return command;
}

describe.each(entries)("help of $path", ({ path, entry }) => {
  test("shows usage, every option and examples that parse", async () => {
    const command = await entry.load();
    const { code, stdout, stderr } = await runInProcess([...path.split(" "), "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Usage: clauderon ${path}`);
    for (const [name, argument] of Object.entries(command.args)) {
      expect(stdout).toContain(argument.type === "positional" ? name.toUpperCase() : name);
      expect(argument.description).not.toBe("");
    }
    for (const example of command.examples) {
      expect(stdout).toContain(example.split("\n")[0]);
      const isGroupDefault = example === "daemon" || example === "config credentials";
      if (!isGroupDefault) expect((await parseExample(example)).meta.name).toBe(command.meta.name);
    }
    expect(path.split(" ").at(-1)).toBe(command.meta.name);
    expect((await runInProcess(["help", ...path.split(" ")])).stdout).toBe(stdout);
    expect(stdout).not.toContain("\u001b");
  });
});

test.each(Object.keys(helpTopics))("topic %s", async (topic) => {
  const { code, stdout } = await runInProcess(["help", topic]);
  expect(code).toBe(0);
  expect(stdout.length).toBeGreaterThan(200);
});

test("exit codes: every code of the errors is explained", async () => {
  const { stdout } = await runInProcess(["help", "exit-codes"]);
  const { errorTable } = await import("@clauderon/core/contract");
  for (const [code, row] of Object.entries(errorTable)) {
    expect(stdout).toMatch(new RegExp(`^ {2}\\s*${row.exitCode}  `, "m"));
    expect(stdout).toContain(code);
  }
});

test("--all --json describes every command; either alone is refused", async () => {
  const { code, stdout } = await runInProcess(["help", "--all", "--json"]);
  expect(code).toBe(0);
  const { commands, exitCodes } = JSON.parse(stdout) as {
    readonly commands: readonly { readonly name: string; readonly arguments: readonly { readonly name: string }[] }[];
    readonly exitCodes: Readonly<Record<string, number>>;
  };
  const names = commands.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["create", "config get", "daemon logs", "help"]));
  const create = commands.find(({ name }) => name === "create");
  expect(create?.arguments.map(({ name }) => name)).toEqual(expect.arrayContaining(["name", "--prompt", "--base"]));
  expect(exitCodes["usage.invalid"]).toBe(2);
  for (const words of [["--all"], ["--json"], ["--all", "--json", "create"]]) {
    expect((await runInProcess(["help", ...words])).code).toBe(2);
  }
});
