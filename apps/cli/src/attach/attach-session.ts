import { writeSync } from "node:fs";

import { DaemonError, UsageError, type ProcessExit, type Session } from "@clauderon/core/contract";

import type { AttachedTerminal } from "../command/access.ts";
import type { CommandContext } from "../command/command-context.ts";
import { exitCodeOf } from "../signals.ts";
import { describeDetachKeys, DetachKeyScanner, parseDetachKeys } from "./detach-keys.ts";
import { RawKeyboard } from "./raw-keyboard.ts";
import { resetSequence, ScreenTracker } from "./terminal-reset.ts";

const STDOUT = 1;

export interface AttachChoices {
  readonly isReadOnly: boolean;
  readonly takesControl: boolean;
  /** Instead of the configured ones. */
  readonly detachKeys?: string | undefined;
}

/** Why the view ended. */
export type AttachEnd =
  | { readonly kind: "detached" }
  | { readonly kind: "closed" }
  | { readonly kind: "ended"; readonly exit: ProcessExit }
  | { readonly kind: "signal"; readonly exitCode: number };

/**
 * Connects this terminal to the agent's until one of them ends or the detach keys are pressed. However it ends, the user's terminal is as it
 * was before.
 */
export async function attachSession(
  session: Session,
  context: CommandContext,
  choices: AttachChoices,
): Promise<AttachEnd> {
  if (!context.keyboard.isTerminal || !context.output.stdout.isTerminal) {
    throw new UsageError({
      code: "usage.needs-input",
      message: "attach needs a terminal",
      why: "standard input or output is not one",
      fix: [`read what the agent prints: clauderon logs ${session.name}`, "run it in a terminal"],
    });
  }
  const keys = choices.detachKeys ?? (await context.access.settings()).attach.detachKeys;
  const scanner = new DetachKeyScanner(parseDetachKeys(keys));
  await using terminal = await context.access.attach(session, {
    size: context.terminalSize(),
    isReadOnly: choices.isReadOnly,
    takesControl: choices.takesControl,
  });
  context.output.say(`Attached to ${session.name} · detach: ${describeDetachKeys(keys)}`);
  const end = await view(terminal, context, { scanner, isReadOnly: choices.isReadOnly });
  sayEnd(end, session, context);
  return end;
}

async function view(
  terminal: AttachedTerminal,
  context: CommandContext,
  how: { readonly scanner: DetachKeyScanner; readonly isReadOnly: boolean },
): Promise<AttachEnd> {
  const screen = new ScreenTracker();
  using _reset = resetOnExit(screen);
  using keyboard = new RawKeyboard(context, { isRaw: true });
  const stopped = Promise.withResolvers<AttachEnd>();
  using _signals = context.handleSignals((signal) => {
    stopped.resolve({ kind: "signal", exitCode: exitCodeOf(signal) });
  });
  keyboard.onResize(() => {
    terminal.resize(context.terminalSize()).catch(tooLate);
  });
  const typing = async (): Promise<AttachEnd> => {
    for await (const bytes of keyboard.bytes()) {
      const { passed, isDetach } = how.scanner.scan(bytes);
      if (passed.length > 0 && !how.isReadOnly) await terminal.input(passed);
      if (isDetach) return { kind: "detached" };
    }
    return { kind: "detached" };
  };
  const showing = async (): Promise<AttachEnd> => {
    for await (const { bytes } of terminal.output) {
      screen.observe(bytes);
      await context.output.write(bytes);
    }
    const exit = await terminal.ended;
    return exit === undefined ? { kind: "closed" } : { kind: "ended", exit };
  };
  const telling = async (): Promise<never> => {
    for await (const text of terminal.notices) context.output.tell(`\r\n[clauderon] ${text}\r`);
    return new Promise<never>(() => undefined);
  };
  return Promise.race([typing(), showing(), telling(), stopped.promise]);
}

/** Also when the process is ended by an error nobody caught. */
function resetOnExit(screen: ScreenTracker): Disposable {
  let isDone = false;
  const reset = (): void => {
    if (isDone) return;
    isDone = true;
    try {
      writeSync(STDOUT, resetSequence(screen.isAlternate));
    } catch {
      // The terminal itself is gone (hang-up): there is nothing left to restore.
    }
  };
  process.on("exit", reset);
  return {
    [Symbol.dispose]: () => {
      process.off("exit", reset);
      reset();
    },
  };
}

function sayEnd(end: AttachEnd, session: Session, context: CommandContext): void {
  const { output } = context;
  // The agent's last line may have no end.
  output.tell("\r");
  if (end.kind === "detached") output.say(`Detached. The agent goes on: clauderon attach ${session.name}`);
  if (end.kind === "ended") output.say(`The agent ended with ${end.exit.exitCode}. Resume it: clauderon start ${session.name}`);
  if (end.kind === "closed") {
    throw new DaemonError({
      message: `The connection to ${session.name} was closed`,
      why: "the daemon ended, or the viewer was disconnected",
      fix: [`attach again: clauderon attach ${session.name}`],
    });
  }
}

/** A size for a terminal that has just ended is too late, and nothing else. */
const tooLate = (): void => undefined;
