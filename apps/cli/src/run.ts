import type { Client } from "@clauderon/core/client";
import { errorTable, UsageError } from "@clauderon/core/contract";

import { Cancelled } from "./cancelled.ts";
import { commandTable } from "./command-table.ts";
import type { CommandContext, GlobalFlags } from "./command/command-context.ts";
import type { Command } from "./command/command.ts";
import { findCommand, type FoundCommand } from "./command/find-command.ts";
import { readGlobalFlags } from "./global-flags.ts";
import type { Host } from "./host.ts";
import { checkFields } from "./output/json.ts";
import { createOutput } from "./output/output.ts";
import { printableJson } from "./output/printable.ts";
import { formatProblem, problemJson, toClauderonError } from "./output/problem.ts";
import { createStyle } from "./output/style.ts";
import { SignalHub } from "./signals.ts";
import { parseArguments, splitTail, withoutValues } from "./strict-arguments.ts";

const CANCELLED = 9;
const BROKEN_PIPE = 141;

/** Runs one command line and resolves with its exit code; never rejects. */
export async function run(argv: readonly string[], host: Host): Promise<number> {
  const { head, tail } = splitTail(argv);
  using signals = new SignalHub(host);
  // Until the words are understood, how an error looks is read from them directly.
  let flags: Pick<GlobalFlags, "isJson" | "isDebug" | "isColorless"> = {
    isJson: head.some((word) => word === "--json" || word.startsWith("--json=")),
    isDebug: head.includes("--debug"),
    isColorless: head.includes("--no-color"),
  };
  let exitCodes: Command["exitCodes"];
  try {
    const found = findCommand(commandTable, head);
    const command = await commandOf(found);
    if (command === undefined) return await showHelp(found, host, [...found.leading, ...found.rest]);
    const name = found.path.join(" ");
    const words = [...found.leading, ...found.rest];
    const options = withoutValues(words, command.args);
    if (asksFor(options, "help") || asksFor(options, "version")) return await showHelp(found, host, options);
    const parsed = parseArguments(name, words, command);
    if (tail !== undefined && command.tail === undefined) {
      throw new UsageError({
        message: `clauderon ${name} takes nothing behind --`,
        fix: [`see: clauderon ${name} --help`],
      });
    }
    exitCodes = command.exitCodes;
    const globals = readGlobalFlags(parsed.globals, parsed.jsonFields);
    flags = globals;
    checkFields(name, globals.jsonFields, command.jsonFields);
    await using opened = new OpenedClient();
    const context = createContext(host, globals, { signals, opened });
    return (await command.run({ args: parsed.values as never, tail: tail ?? [], context })) ?? 0;
  } catch (error) {
    return report(error, host, { flags, signals, exitCodes });
  }
}

/** The group's default runs when no subcommand is named. */
async function commandOf(found: FoundCommand): Promise<Command | undefined> {
  if (found.entry !== undefined) return found.entry.load();
  const name = found.group?.default;
  const row = name === undefined ? undefined : found.group?.subCommands[name];
  return row !== undefined && "load" in row ? row.load() : undefined;
}

const asksFor = (words: readonly string[], name: "help" | "version"): boolean =>
  words.some((word) => word === `--${name}` || word === (name === "help" ? "-h" : "-V"));

async function showHelp(found: FoundCommand, host: Host, words: readonly string[]): Promise<number> {
  const isColorless = words.includes("--no-color");
  const output = createOutput({ ...host, isQuiet: false, isColorless });
  if (asksFor(words, "version") && !asksFor(words, "help")) {
    const { version } = await import("./version.ts");
    await output.line(version);
    return 0;
  }
  const { helpFor } = await import("./output/help.ts");
  const isBareGroup = found.group !== undefined && found.group.default === undefined && !asksFor(words, "help");
  const text = await helpFor(found, output.style.stdout);
  if (!isBareGroup) {
    await output.write(text);
    return 0;
  }
  const name = found.path.join(" ");
  throw new UsageError({
    message: `clauderon ${name} needs a command`,
    fix: [`choose one of: ${Object.keys(found.group.subCommands).join(", ")}`, `see: clauderon ${name} --help`],
  });
}

/** The client of one command; closed with it. */
class OpenedClient implements AsyncDisposable {
  #client: Promise<Client> | undefined;

  get(open: () => Promise<Client>): Promise<Client> {
    this.#client ??= open();
    return this.#client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client === undefined) return;
    const [opened] = await Promise.allSettled([this.#client]);
    if (opened.status === "fulfilled") await opened.value.close();
  }
}

function createContext(
  host: Host,
  flags: GlobalFlags,
  resources: { readonly signals: SignalHub; readonly opened: OpenedClient },
): CommandContext {
  const { signals, opened } = resources;
  const output = createOutput({ ...host, isQuiet: flags.isQuiet, isColorless: flags.isColorless });
  const isAutomated = ["CI", "AGENT", "AI_AGENT", "CLAUDECODE"].some((name) => (host.environment[name] ?? "") !== "");
  return {
    flags,
    output,
    keyboard: host.keyboard,
    prompts: host.prompts,
    canPrompt: flags.mayPrompt && !isAutomated && host.keyboard.isTerminal && host.stderr.isTerminal,
    environment: host.environment,
    currentDirectory: host.currentDirectory,
    signal: signals.signal,
    handleSignals: (listener) => signals.handle(listener),
    access: host.access,
    client: () =>
      opened.get(() =>
        host.access.connect({
          signal: signals.signal,
          onStart: () => {
            output.say("Starting the daemon…");
          },
        }),
      ),
    terminalSize: () =>
      host.stdout.isTerminal
        ? { columns: host.stdout.columns(), rows: host.terminalRows() }
        : { columns: 80, rows: 24 },
  };
}

function report(
  error: unknown,
  host: Host,
  how: {
    readonly flags: Pick<GlobalFlags, "isJson" | "isDebug" | "isColorless">;
    readonly signals: SignalHub;
    readonly exitCodes: Command["exitCodes"];
  },
): number {
  const { flags, signals, exitCodes } = how;
  if (isBrokenPipe(error)) return BROKEN_PIPE;
  const say = (text: string): void => {
    host.stderr.stream.write(`${text}\n`);
  };
  if (error instanceof Cancelled) {
    say("Cancelled");
    return CANCELLED;
  }
  const problem = toClauderonError(error);
  const style = createStyle({ ...host.stderr, isColorless: flags.isColorless, environment: host.environment });
  say(flags.isJson ? printableJson(problemJson(problem)) : formatProblem(problem, style, flags.isDebug));
  return signals.exitCode ?? exitCodes?.(problem.code) ?? errorTable[problem.code].exitCode;
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
