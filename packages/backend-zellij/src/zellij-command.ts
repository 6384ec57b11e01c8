import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { CommandError, type CallOptions, type CommandResult, type CommandRunner } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

import { type ListedSession, parseSessions } from "./parse-sessions.ts";
import { socketPath } from "./zellij-environment.ts";
import type { ZellijGate } from "./zellij-gate.ts";

const TIMEOUT_MS = 30_000;
/** With growing pauses, a second in all. */
const ATTEMPTS = 9;
const PAUSE_MS = 25;

/** A pane that runs a command. */
export interface ListedPane {
  readonly id: number;
  /** Program and arguments, joined by blanks. */
  readonly command: string;
  readonly rows: number;
  readonly columns: number;
}

export interface ZellijCommandOptions {
  readonly runner: CommandRunner;
  /** Absolute path. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly gate: ZellijGate;
}

/**
 * zellij's commands, one method each. A session that is not there is no error.
 *
 * A server of zellij gives the number of a client that left to the next one, and may then take the next one's leave for granted, too: that client is told
 * nothing, or that there is no such session. So such an answer counts only when the session's socket is gone as well, which zellij itself removes for a dead one.
 */
export class ZellijCommand {
  readonly #options: ZellijCommandOptions;

  constructor(options: ZellijCommandOptions) {
    this.#options = options;
  }

  async sessions(options?: CallOptions): Promise<readonly ListedSession[]> {
    const result = await this.#run(["list-sessions", "-n"], options);
    // Without any session the exit code is 1.
    if (result.exitCode > 1) throw failed("list-sessions", result);
    return parseSessions(result.stdout);
  }

  /** The session of that name; one whose socket is there without being listed counts as alive. */
  async find(sessionName: string, options?: CallOptions): Promise<ListedSession | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const listed = (await this.sessions(options)).find(({ name }) => name === sessionName);
      if (listed?.isExited === false || !this.#hasSocket(sessionName)) return listed;
      if (attempt === ATTEMPTS) return { name: sessionName, isExited: false };
      await delay(PAUSE_MS * attempt, undefined, { signal: options?.signal });
    }
  }

  /** Asks the session to end; it may take a moment. */
  async kill(sessionName: string): Promise<void> {
    await this.#ask(sessionName, ["kill-session", sessionName], { mayBeBlank: true });
  }

  /** Removes what zellij kept of a dead session. Its exit code says little: look at the list afterwards. */
  async delete(sessionName: string): Promise<void> {
    await this.#run(["delete-session", sessionName, "--force"]);
  }

  /** The panes with a command; `undefined` when there is no such session. */
  async panes(sessionName: string, options?: CallOptions): Promise<readonly ListedPane[] | undefined> {
    const result = await this.#ask(sessionName, ["-s", sessionName, "action", "list-panes", "-a", "-j"], options);
    if (result.exitCode !== 0 || isMissing(result)) return undefined;
    if (result.stdout.trim() === "") throw failed("list-panes", result);
    const panes = parseJson(result.stdout, "the output of zellij list-panes");
    if (!Array.isArray(panes)) throw failed("list-panes", result);
    return panes.flatMap(listedPane);
  }

  /** What the pane shows and showed, as plain text; `undefined` when it is gone. */
  async text(sessionName: string, paneId: number, options?: CallOptions): Promise<string | undefined> {
    const pane = `terminal_${String(paneId)}`;
    const args = ["-s", sessionName, "action", "dump-screen", "-p", pane, "--full"];
    const result = await this.#ask(sessionName, args, options);
    return result.exitCode === 0 && !isMissing(result) ? result.stdout : undefined;
  }

  /** Puts text into the pane as if it were pasted there. False when the pane or session is gone. */
  async write(sessionName: string, paneId: number, text: string): Promise<boolean> {
    const pane = `terminal_${String(paneId)}`;
    const args = ["-s", sessionName, "action", "write-chars", "-p", pane, "--", text];
    const result = await this.#ask(sessionName, args, { mayBeBlank: true });
    return result.exitCode === 0 && !isMissing(result);
  }

  /** Asks again while the answer is not to be believed. */
  async #ask(
    sessionName: string,
    args: readonly string[],
    options?: CallOptions & { readonly mayBeBlank?: boolean | undefined },
  ): Promise<CommandResult> {
    const isNoAnswer = (result: CommandResult): boolean =>
      isMissing(result)
        ? this.#hasSocket(sessionName)
        : options?.mayBeBlank !== true && result.exitCode === 0 && result.stdout === "";
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#run(args, options);
      if (attempt === ATTEMPTS || !isNoAnswer(result)) return result;
      await delay(PAUSE_MS * attempt, undefined, { signal: options?.signal });
    }
  }

  #hasSocket(sessionName: string): boolean {
    return existsSync(socketPath(this.#options.environment, sessionName));
  }

  async #run(args: readonly string[], options?: CallOptions): Promise<CommandResult> {
    const { runner, program, environment, gate } = this.#options;
    return await gate.command(() =>
      runner.run(program, args, { environment, timeoutMs: TIMEOUT_MS, signal: options?.signal }),
    );
  }
}

/** Some versions say so with exit code 0. */
function isMissing(result: CommandResult): boolean {
  return /Session '.*' not found|There is no active session|No session named/u.test(
    `${result.stderr}\n${result.stdout.slice(0, 500)}`,
  );
}

function listedPane(value: unknown): readonly ListedPane[] {
  if (typeof value !== "object" || value === null) return [];
  const pane = value as Readonly<Record<string, unknown>>;
  const { id, is_plugin: isPlugin, terminal_command: command, pane_content_rows: rows } = pane;
  const { pane_content_columns: columns } = pane;
  if (typeof id !== "number" || isPlugin === true) return [];
  return [
    {
      id,
      command: typeof command === "string" ? command : "",
      rows: typeof rows === "number" ? rows : 0,
      columns: typeof columns === "number" ? columns : 0,
    },
  ];
}

function failed(command: string, result: CommandResult): CommandError {
  return new CommandError({
    message: `zellij ${command} failed with exit code ${String(result.exitCode)}`,
    why: result.stderr.trim() || undefined,
    fix: ["check zellij by hand: zellij list-sessions", "clauderon doctor"],
    context: { exitCode: result.exitCode },
  });
}
