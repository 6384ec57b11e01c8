import { writeSync } from "node:fs";

import type { TtyConnection, TtyEnd } from "@clauderon/core/client";
import { SettingsError, UsageError, type Session } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { exitCodeOf } from "../signals.ts";
import { describeDetachKeys, DetachKeyScanner, parseDetachKeys } from "./detach-keys.ts";
import { RawKeyboard } from "./raw-keyboard.ts";
import { resetSequence, ScreenTracker } from "./terminal-reset.ts";

const STDOUT = 1;
const CLEAR = "\u001b[H\u001b[2J";

export interface AttachChoices {
  readonly isReadOnly: boolean;
  readonly takesControl: boolean;
  /** Instead of the configured ones. */
  readonly detachKeys?: string | undefined;
}

/** Why the view ended. */
export type AttachEnd =
  | { readonly kind: "detached" }
  | { readonly kind: "signal"; readonly exitCode: number }
  | Exclude<TtyEnd, { readonly kind: "failed" }>;

/** Rejects where nothing can be attached, before anything is asked of the daemon. */
export function checkAttach(name: string | undefined, choices: AttachChoices, context: CommandContext): void {
  if (choices.detachKeys !== undefined) checkKeys(choices.detachKeys);
  if (context.keyboard.isTerminal && context.output.stdout.isTerminal) return;
  throw new UsageError({
    code: "usage.needs-input",
    message: "attach needs a terminal",
    why: "standard input or output is not one",
    fix: [`read what the agent prints: clauderon logs ${name ?? "NAME"}`, "run it in a terminal"],
  });
}

/** What is wrong with an option is told as such, not as a fault of the configuration. */
function checkKeys(text: string): void {
  try {
    parseDetachKeys(text);
  } catch (cause) {
    if (!SettingsError.isInstance(cause)) throw cause;
    throw new UsageError({ message: `--detach-keys: ${cause.message}`, fix: cause.fix, cause });
  }
}

/**
 * Connects this terminal to the agent's until one of them ends or the detach keys are pressed. However it ends, the user's terminal is as it
 * was before.
 */
export async function attachSession(
  session: Session,
  context: CommandContext,
  choices: AttachChoices,
): Promise<AttachEnd> {
  const keys = choices.detachKeys ?? (await context.access.settings()).attach.detachKeys;
  const scanner = new DetachKeyScanner(parseDetachKeys(keys));
  context.output.say(`Attaching to ${session.name} · detach: ${describeDetachKeys(keys)}`);
  const end = await view(session, context, { ...choices, scanner });
  if (end.kind === "failed") throw end.error;
  sayEnd(end, session, context);
  return end;
}

async function view(
  session: Session,
  context: CommandContext,
  how: AttachChoices & { readonly scanner: DetachKeyScanner },
): Promise<AttachEnd | TtyEnd> {
  const client = await context.client();
  const screen = new ScreenTracker();
  const stopped = Promise.withResolvers<AttachEnd>();
  using _signals = context.handleSignals((signal) => {
    stopped.resolve({ kind: "signal", exitCode: exitCodeOf(signal) });
  });
  using _reset = resetOnExit(screen);
  using keyboard = new RawKeyboard(context, { isRaw: true });
  const notices = createNotices(context);
  let connection: TtyConnection | undefined;
  const write = async (bytes: Uint8Array): Promise<void> => {
    screen.observe(bytes);
    await context.output.write(bytes);
  };
  const opened = client.attach(session.id, {
    size: context.terminalSize(),
    takesControl: how.takesControl,
    onOutput: write,
    async onSnapshot({ data }) {
      await write(Buffer.from(`${resetSequence(screen.isAlternate)}${CLEAR}${data}`));
    },
    onControl(control) {
      if (control.type === "input-refused") notices.once("Another viewer types here; take over with: --take-control");
      const isOurs = (control.type === "hello" || control.type === "controller") && control.isController;
      if (how.isReadOnly && isOurs) connection?.takeControl(false);
    },
    onReconnect: () => {
      notices.once("The daemon is gone; connecting again…");
    },
  });
  const ending = opened.then((made) => made.ended);
  // The keys must work before the connection is there, and while it is broken.
  const typing = async (): Promise<AttachEnd> => {
    let passing: Promise<unknown> = opened;
    for await (const bytes of keyboard.bytes()) {
      const { passed, isDetach } = how.scanner.scan(bytes);
      if (passed.length > 0 && !how.isReadOnly)
        passing = Promise.all([opened, passing]).then(([to]) => to.input(passed));
      passing.catch(endsTheView);
      if (isDetach) return { kind: "detached" };
    }
    return { kind: "detached" };
  };
  opened.then((made) => {
    connection = made;
    if (how.isReadOnly) made.takeControl(false);
    keyboard.onResize(() => {
      made.resize(context.terminalSize());
    });
  }, endsTheView);
  try {
    return await Promise.race([typing(), ending, stopped.promise]);
  } finally {
    await connection?.close();
  }
}

/** Told once each, beside what the agent draws. */
function createNotices(context: CommandContext): { once(text: string): void } {
  const told = new Set<string>();
  return {
    once(text) {
      if (told.has(text)) return;
      told.add(text);
      context.output.tell(`\r\n[clauderon] ${text}\r`);
    },
  };
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
  output.tell("");
  if (end.kind === "detached") output.say(`Detached. The agent goes on: clauderon attach ${session.name}`);
  if (end.kind === "closed") output.say(`Disconnected. The agent goes on: clauderon attach ${session.name}`);
  if (end.kind === "exited") {
    const code = end.exitCode < 0 ? "" : ` with ${end.exitCode}`;
    output.say(`The agent has ended${code}. Resume it: clauderon start ${session.name}`);
  }
}

/** What breaks the connection is told by `ended`. */
const endsTheView = (): void => undefined;
