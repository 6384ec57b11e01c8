import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { CommandOptions, CommandResult } from "../../contract/command-runner.ts";
import { CommandError } from "../../contract/errors/command-error.ts";
import { errorFromJson } from "../../contract/errors/from-json.ts";
import { keeperEnvironment } from "../without-session-marks.ts";
import type { HelperAnswer, HelperRequest } from "./command-messages.ts";

const LONGEST_END_MS = 10_000;

type CommandAnswer = Exclude<HelperAnswer, { readonly type: "ready" }>;

type Command = Pick<Extract<HelperRequest, { readonly program: string }>, "type" | "program" | "args"> & {
  readonly options: CommandOptions;
};

interface Waiting {
  readonly program: string;
  readonly onAnswer: (answer: CommandAnswer) => void;
}

/** The process that starts programs for this one, and ends with it. */
export class CommandHelper {
  /** False when it ended before. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #isLost = false;
  #lastId = 0;

  constructor() {
    const isSource = import.meta.url.endsWith(".ts");
    const url = new URL(isSource ? "./command-helper-main.ts" : "./command-helper-main.js", import.meta.url);
    this.#child = fork(fileURLToPath(url), {
      // Whoever ends the terminal ends the process that is helped, in its own time.
      detached: true,
      cwd: "/",
      env: keeperEnvironment(process.env),
      execArgv: ["--max-semi-space-size=1", ...(isSource ? ["--conditions", "@clauderon/source"] : [])],
      serialization: "advanced",
      stdio: "ignore",
    });
    const { promise: ready, resolve: settle } = Promise.withResolvers<boolean>();
    this.ready = ready;
    this.ended = new Promise((resolve) => {
      const lose = (): void => {
        this.#isLost = true;
        settle(false);
        resolve();
        for (const [id, { program, onAnswer }] of this.#waiting)
          onAnswer({ type: "error", id, error: lost(program).toJSON() });
        this.#waiting.clear();
      };
      this.#child.once("error", lose).once("disconnect", lose);
    });
    this.#child.on("message", (answer: HelperAnswer) => {
      if (answer.type === "ready") settle(true);
      else this.#waiting.get(answer.id)?.onAnswer(answer);
    });
    this.#child.unref();
    this.#child.channel?.unref();
  }

  /** Resolves when its process is gone, which takes it a moment. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child.connected) child.disconnect();
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    // One that does not end is none to wait for.
    await once(child, "exit", { signal: AbortSignal.timeout(LONGEST_END_MS) }).catch(() => child.unref());
  }

  async run(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
    using _call = this.#begin({ type: "run", program, args, options }, (answer) => {
      if (answer.type === "end" && answer.result !== undefined) resolve(answer.result);
      else if (answer.type === "error") reject(signal?.aborted === true ? signal.reason : errorFromJson(answer.error));
    });
    return await promise;
  }

  async *stream(
    program: string,
    args: readonly string[],
    options: CommandOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal } = options;
    signal?.throwIfAborted();
    const answers: CommandAnswer[] = [];
    let wake = (): void => undefined;
    using call = this.#begin({ type: "stream", program, args, options }, (answer) => {
      answers.push(answer);
      wake();
    });
    let hasEnded = false;
    try {
      for (;;) {
        const answer = answers.shift();
        if (answer === undefined) {
          await new Promise<void>((resolve) => (wake = resolve));
        } else if (answer.type === "chunk") {
          if (signal?.aborted !== true) yield answer.chunk;
          call.tell("taken");
        } else {
          hasEnded = true;
          if (answer.type === "end") return;
          throw signal?.aborted === true ? signal.reason : errorFromJson(answer.error);
        }
      }
    } finally {
      // The reader left: the program has ended when this is over.
      if (!hasEnded) {
        call.tell("abort");
        while (answers.every(({ type }) => type === "chunk")) await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  }

  #begin(command: Command, onAnswer: Waiting["onAnswer"]): Disposable & { tell(type: "abort" | "taken"): void } {
    const { program } = command;
    if (this.#isLost) throw lost(program);
    const id = (this.#lastId += 1);
    const { signal, ...options } = command.options;
    const tell = (type: "abort" | "taken"): void => this.#send({ type, id });
    const onAbort = (): void => tell("abort");
    this.#waiting.set(id, { program, onAnswer });
    this.#child.channel?.ref();
    this.#send({ ...command, id, options: { ...options, environment: options.environment ?? { ...process.env } } });
    signal?.addEventListener("abort", onAbort, { once: true });
    return {
      tell,
      [Symbol.dispose]: () => {
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(id);
        if (this.#waiting.size === 0) this.#child.channel?.unref();
      },
    };
  }

  #send(request: HelperRequest): void {
    // Without a connection its loss is told to all that wait.
    if (this.#child.connected) this.#child.send(request, () => undefined);
  }
}

function lost(program: string): CommandError {
  return new CommandError({
    message: `What became of ${program} is not known`,
    why: "the process of clauderon that ran it has ended",
    fix: ["try again"],
    context: { program },
  });
}
